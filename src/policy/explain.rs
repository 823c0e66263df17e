use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use fixedbitset::FixedBitSet;

use super::{Graph, Kind, PermissionName, RoleName, SetName};

/// How a role gives a permission: down the hierarchy, one step at a time, to the role that was granted it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<RoleName>);

/// The ways in which roles give a permission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// The first of them, by name.
    pub paths: Vec<Path>,
    /// Whether there are more.
    pub more: bool,
}

/// What finding ways may still take: there may be more of them than anyone can read, and each may be as long as the
/// hierarchy is deep.
#[derive(Clone, Debug)]
pub struct Budget {
    /// So many names are in them.
    pub names: usize,
    /// So many roles are looked at for them.
    pub steps: usize,
}

impl Budget {
    fn step(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps);
    }
}

/// Roles of which the first by name is taken first.
type Open<'a> = BinaryHeap<Reverse<(&'a RoleName, usize)>>;

/// A search for the ways down to those who were granted a permission.
struct Search<'a> {
    graph: &'a Graph,
    granted: &'a FixedBitSet,
    /// Nobody else is gone down to: so whoever is leads to one more way.
    giving: FixedBitSet,
    most: usize,
}

impl Graph {
    /// The ways in which these roles, one after the other, give `permission`: `most` at most, and no more than `budget` pays.
    pub fn ways<'a>(
        &self,
        roles: impl IntoIterator<Item = &'a RoleName>,
        permission: &PermissionName,
        most: usize,
        budget: &mut Budget,
    ) -> Ways {
        let mut ways = Ways::default();
        let Some(granted) = self.granted.get(permission) else { return ways };
        let mut starts = roles.into_iter().filter(|role| self.gives([role.as_str()], permission.as_str())).peekable();
        if budget.steps == 0 {
            ways.more = starts.peek().is_some();
            return ways;
        }
        budget.step(granted.count_ones(..));
        let search = Search { graph: self, granted, giving: self.giving_numbers(permission.as_str()), most };
        for start in starts {
            search.go_down(start, &mut ways, budget);
            if ways.more {
                break;
            }
        }
        ways
    }
}

/// What one more role would break, asked of many.
pub struct OneMore<'a> {
    graph: &'a Graph,
    /// What someone is authorized for.
    has: FixedBitSet,
    sets: Vec<(&'a SetName, u64, FixedBitSet)>,
}

impl Graph {
    /// What someone with these roles assigned would break with one more.
    pub fn one_more<'a>(&self, assigned: impl IntoIterator<Item = &'a str>) -> OneMore<'_> {
        let sets = self.sets().filter(|(_, set)| set.kind == Kind::Static);
        let numbered = |roles: &BTreeSet<RoleName>| self.numbers(roles.iter().map(RoleName::as_str)).collect();
        let sets = sets.map(|(name, set)| (name, set.cardinality, numbered(&set.roles))).collect();
        OneMore { graph: self, has: self.below(assigned), sets }
    }

    /// What a role gives, by name, looked for only as far as it is read.
    pub fn given(&self, role: &RoleName) -> impl Iterator<Item = &PermissionName> {
        let below = self.number(role).map(|role| self.hierarchy.below(role));
        self.granted
            .iter()
            .filter(move |(_, granted)| below.is_some_and(|below| !below.is_disjoint(granted)))
            .map(|it| it.0)
    }
}

impl OneMore<'_> {
    /// A static set of which it would be too many with this role (rule 3).
    #[must_use]
    pub fn breaks_static(&self, role: &RoleName) -> Option<&SetName> {
        let mut has = self.has.clone();
        self.graph.hierarchy.below(self.graph.number(role)?).add_to(&mut has);
        let broken =
            |(_, cardinality, roles): &&(_, u64, FixedBitSet)| has.intersection_count(roles) as u64 >= *cardinality;
        self.sets.iter().find(broken).map(|(name, ..)| *name)
    }
}

impl<'a> Search<'a> {
    /// Adds the ways that begin with `start`. One way is in hand at a time, and of each role on it who is still to be gone
    /// down to.
    fn go_down(&self, start: &'a RoleName, ways: &mut Ways, budget: &mut Budget) {
        let mut path: Vec<&RoleName> = Vec::new();
        let mut open: Vec<Open<'_>> =
            vec![self.graph.number(start).map(|number| Reverse((start, number))).into_iter().collect()];
        while let Some(next) = open.last_mut() {
            let Some(Reverse((name, role))) = next.pop() else {
                open.pop();
                path.pop();
                continue;
            };
            ways.more = ways.paths.len() == self.most || path.len() >= budget.names || budget.steps == 0;
            if ways.more {
                return;
            }
            path.push(name);
            if self.granted.contains(role) {
                budget.names -= path.len();
                ways.paths.push(Path(path.iter().copied().cloned().collect()));
            }
            open.push(self.onward(role, budget));
        }
    }

    /// The juniors of `role` who lead to the permission.
    fn onward(&self, role: usize, budget: &mut Budget) -> Open<'a> {
        let juniors = self.graph.hierarchy.juniors(role);
        budget.step(1 + juniors.len());
        let leading = juniors.iter().copied().filter(|junior| self.giving.contains(*junior));
        leading.filter_map(|junior| Some(Reverse((self.graph.name(junior)?, junior)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Delta;

    const PLENTY: Budget = Budget { names: usize::MAX, steps: usize::MAX };

    fn name(text: &str) -> RoleName {
        text.parse().unwrap()
    }

    fn asked() -> PermissionName {
        "articles:read".parse().unwrap()
    }

    /// The graph of these roles, of who stands above whom, and of who was granted the permission.
    fn graph(roles: &[String], edges: impl IntoIterator<Item = (usize, usize)>, granted: &[usize]) -> Graph {
        let name = |role: usize| name(&roles[role]);
        let created = (0..roles.len()).map(|role| Delta::RoleCreated { role: name(role), built_in: false });
        let inherited =
            edges.into_iter().map(|(senior, junior)| Delta::Inherited { senior: name(senior), junior: name(junior) });
        let granted = granted.iter().map(|role| Delta::Granted { role: name(*role), permission: asked() });
        Graph::of(&created.chain(inherited).chain(granted).collect::<Vec<_>>())
    }

    /// Levels of two, each above both of the next; the last two were granted the permission.
    fn ladder(levels: usize) -> Graph {
        let roles: Vec<String> = (0..levels).flat_map(|level| [format!("a{level}"), format!("b{level}")]).collect();
        let last = 2 * (levels - 1);
        let edges = (0..last).flat_map(|role| [2, 3].map(|below| (role, role - role % 2 + below)));
        graph(&roles, edges, &[last, last + 1])
    }

    fn ways(graph: &Graph, roles: &[&str], most: usize, budget: &mut Budget) -> Ways {
        graph.ways(&roles.iter().map(|role| name(role)).collect::<Vec<_>>(), &asked(), most, budget)
    }

    fn names_in(ways: &Ways) -> usize {
        ways.paths.iter().map(|path| path.0.len()).sum()
    }

    #[test]
    fn however_deep_the_hierarchy_an_explanation_is_no_longer_than_its_budget() {
        let ladder = ladder(10_000);
        let mut budget = Budget { names: 25_000, steps: 1_000_000 };
        let found = ways(&ladder, &["a0"], 100, &mut budget);
        assert_eq!((found.paths.len(), names_in(&found), found.more), (2, 20_000, true));
        assert_eq!((&found.paths[0].0[9_999], &found.paths[1].0[9_999]), (&name("a9999"), &name("b9999")));
        assert_eq!(budget.names, 5_000);
        assert!(budget.steps > 900_000, "{budget:?}");
        let again = ways(&ladder, &["a0"], 100, &mut budget);
        assert_eq!(again, Ways { paths: vec![], more: true }, "what one took, the next can't have");
    }

    #[test]
    fn who_leads_nowhere_is_not_gone_down_to() {
        // Without a grant there are as many ways to nothing.
        let mut steps = vec![Delta::RoleCreated { role: name("top"), built_in: false }];
        let down = |senior: &str, junior: &str| Delta::Inherited { senior: name(senior), junior: name(junior) };
        steps.extend((0..100).map(|role| Delta::RoleCreated { role: name(&format!("r{role:02}")), built_in: false }));
        steps.extend(
            (0..98).flat_map(|role| [1, 2].map(|below| down(&format!("r{role:02}"), &format!("r{:02}", role + below)))),
        );
        steps.extend([down("top", "r00"), Delta::Granted { role: name("top"), permission: asked() }]);
        let found = ways(&Graph::of(&steps), &["top"], 100, &mut Budget { names: 100, steps: 10 });
        assert_eq!(found, Ways { paths: vec![Path(vec![name("top")])], more: false });
    }

    #[test]
    fn when_no_steps_are_left_it_is_known_whether_there_is_a_way() {
        let none = || Budget { names: 100, steps: 0 };
        assert_eq!(ways(&ladder(2), &["a0"], 100, &mut none()), Ways { paths: vec![], more: true });
        assert_eq!(ways(&ladder(2), &["nobody"], 100, &mut none()), Ways::default());
    }

    const ROLES: usize = 6;

    /// Every way, one after the other.
    fn every_way(edges: &BTreeSet<(usize, usize)>, granted: &[usize], roles: &[String], path: &[usize]) -> Vec<Path> {
        let last = path[path.len() - 1];
        let mut all = Vec::new();
        if granted.contains(&last) {
            all.push(Path(path.iter().map(|role| name(&roles[*role])).collect()));
        }
        let mut juniors: Vec<usize> = edges.iter().filter(|edge| edge.0 == last).map(|edge| edge.1).collect();
        juniors.sort_by_key(|junior| &roles[*junior]);
        all.extend(juniors.iter().flat_map(|junior| every_way(edges, granted, roles, &[path, &[*junior]].concat())));
        all
    }

    #[test]
    fn one_more_role_breaks_what_all_together_break() {
        let roles: Vec<String> = ["boss", "cashier", "auditor", "clerk"].map(String::from).into();
        let apart = |set: &str, kind, cardinality, roles: &[&str]| Delta::Separated {
            set: set.parse().unwrap(),
            kind,
            cardinality,
            roles: roles.iter().map(|role| name(role)).collect(),
        };
        let graph = graph(&roles, [(0, 2)], &[1, 2]).after(&[
            apart("active", Kind::Dynamic, 2, &["cashier", "clerk"]),
            apart("money", Kind::Static, 2, &["auditor", "cashier"]),
            apart("three", Kind::Static, 3, &["auditor", "cashier", "clerk"]),
        ]);
        for assigned in [&[][..], &["cashier"], &["boss", "clerk"], &["clerk"]] {
            let one_more = graph.one_more(assigned.iter().copied());
            for role in &roles {
                let all = assigned.iter().copied().chain([role.as_str()]);
                assert_eq!(one_more.breaks_static(&name(role)), graph.breaks_static(all), "{role} with {assigned:?}");
            }
        }
        assert_eq!(graph.one_more(["clerk"]).breaks_static(&name("nobody")), None);
    }

    #[test]
    fn what_a_role_gives_is_the_same_one_by_one() {
        let more = Delta::Granted { role: name("a1"), permission: "articles:delete".parse().unwrap() };
        let ladder = ladder(3).after(&[more]);
        for role in ["a0", "a1", "b1", "b2", "nobody"] {
            let all: Vec<_> = ladder.permissions([role]).into_iter().collect();
            assert_eq!(ladder.given(&name(role)).cloned().collect::<Vec<_>>(), all, "{role}");
        }
    }

    proptest! {
        #[test]
        fn the_ways_are_all_there_are_or_the_first_of_them(
            above in prop::collection::btree_set((0..ROLES, 0..ROLES), 0..16),
            granted in prop::collection::btree_set(0..ROLES, 0..4),
            roles in Just((0..ROLES).map(|role| format!("r{role}")).collect::<Vec<_>>()).prop_shuffle(),
            starts in prop::collection::vec(0..ROLES, 1..3),
            most in 0..12_usize,
            names in 0..40_usize,
            steps in 0..60_usize,
        ) {
            // An order of its own, so that there is no cycle; names have another.
            let edges: BTreeSet<_> = above.into_iter().filter(|(senior, junior)| senior < junior).collect();
            let granted: Vec<usize> = granted.into_iter().collect();
            let graph = graph(&roles, edges.iter().copied(), &granted);
            let named: Vec<&str> = starts.iter().map(|start| roles[*start].as_str()).collect();
            let all: Vec<Path> = starts.iter().flat_map(|start| every_way(&edges, &granted, &roles, &[*start])).collect();
            let found = ways(&graph, &named, usize::MAX, &mut PLENTY.clone());
            prop_assert_eq!(&found, &Ways { paths: all.clone(), more: false });
            let some = ways(&graph, &named, most, &mut Budget { names, steps });
            prop_assert!(some.paths.len() <= most && names_in(&some) <= names);
            prop_assert_eq!(&some.paths[..], &all[..some.paths.len()]);
            prop_assert_eq!(some.more, some.paths.len() < all.len());
            let by_names = ways(&graph, &named, most, &mut Budget { names, steps: usize::MAX });
            let next = all.get(by_names.paths.len());
            let fits = |next: &Path| by_names.paths.len() < most && names_in(&by_names) + next.0.len() <= names;
            prop_assert!(!next.is_some_and(fits), "it ends only where the next doesn't fit");
        }
    }
}
