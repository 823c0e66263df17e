use std::{hint::black_box, time::Instant};

use rolecall::policy::{Delta, Graph, RoleName};

const ROLES: usize = 10_000;
const DEPTH: usize = 100;
const GRANTS: usize = 100_000;

fn role(number: usize) -> RoleName {
    format!("role-{number}").parse().unwrap()
}

/// A hundred rows of a hundred roles; each role stands above two of the next row, and has ten permissions.
fn deltas() -> Vec<Delta> {
    let width = ROLES / DEPTH;
    let mut deltas: Vec<_> =
        (0..ROLES).map(|number| Delta::RoleCreated { role: role(number), built_in: false }).collect();
    for senior in 0..ROLES - width {
        let (row, column) = (senior / width + 1, senior % width);
        for step in [0, 7 + row % 5] {
            let junior = role(row * width + (column + step) % width);
            deltas.push(Delta::Inherited { senior: role(senior), junior });
        }
    }
    for number in 0..GRANTS {
        let permission = format!("thing-{}:do", number % (GRANTS / 10)).parse().unwrap();
        deltas.push(Delta::Granted { role: role(number % ROLES), permission });
    }
    deltas
}

/// What this process has in memory, in kilobytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    println!("  {what}: {:.3} ms", began.elapsed().as_secs_f64() * 1000.0);
    result
}

/// Building the graph, a check, a step, a cycle.
pub(super) fn hierarchy() {
    println!("{ROLES} roles, {DEPTH} deep, {GRANTS} grants:");
    let (deltas, before) = (deltas(), resident());
    let graph = timed("the graph with its closure, from nothing", || Graph::of(&deltas));
    println!("  in memory: {} MB", (resident() - before) / 1024);
    let (top, bottom, middle) = (role(3), role(ROLES - 3), role(ROLES / 2));
    let checks = 1_000_000;
    let began = Instant::now();
    for number in 0..checks {
        let permission = if number % 2 == 0 { "thing-9997:do" } else { "thing-1:no" };
        black_box(graph.gives([black_box(top.as_str())], black_box(permission)));
    }
    println!("  a check: {:.3} µs", began.elapsed().as_secs_f64() * 1_000_000.0 / f64::from(checks));
    let cycle = timed("finding a cycle", || graph.is_above(&top, &bottom));
    assert!(cycle, "the bench's own graph is not as deep as it says");
    let other = role(42);
    let delta = Delta::Inherited { senior: middle.clone(), junior: other };
    let delta = if graph.is_above(&role(42), &middle) {
        Delta::Disinherited { senior: role(ROLES / 2), junior: graph.juniors(&middle).into_iter().next().unwrap() }
    } else {
        delta
    };
    timed("a step that changes the middle of the hierarchy", || black_box(graph.after([&delta])));
    let grant = Delta::Granted { role: bottom, permission: "new:one".parse().unwrap() };
    timed("a grant", || black_box(graph.after([&grant])));
    many_edges();
}

/// The most that a policy file changes at once, in the worst shapes: a chain, a cycle, and a chain that goes again.
fn many_edges() {
    let created = |number| Delta::RoleCreated { role: role(number), built_in: false };
    let edge = |number| Delta::Inherited { senior: role(number), junior: role(number + 1) };
    let gone = |number| Delta::Disinherited { senior: role(number), junior: role(number + 1) };
    let graph = Graph::of(&(0..=ROLES).map(created).collect::<Vec<_>>());
    let chain: Vec<_> = (0..ROLES).map(edge).collect();
    let deep = timed(&format!("a step with {ROLES} edges, one below the other"), || graph.after(&chain));
    assert!(deep.is_above(&role(0), &role(ROLES)), "the chain does not hold");
    let mut cycle = chain;
    cycle.push(Delta::Inherited { senior: role(ROLES), junior: role(0) });
    let refused = timed("the same in a circle, which is not taken", || graph.after(&cycle));
    assert!(!refused.is_above(&role(0), &role(1)), "a circle was taken");
    let chain: Vec<_> = (0..ROLES).map(gone).collect();
    let flat = timed("and all taken away again", || deep.after(&chain));
    assert!(!flat.is_above(&role(0), &role(1)), "an edge is left");
}
