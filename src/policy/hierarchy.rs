use std::{collections::BTreeSet, iter, sync::Arc};

use fixedbitset::FixedBitSet;

/// Which role stands above which (NIST general hierarchy), by number; with its closure, which [`close`](Self::close) brings
/// up to date after any number of changes: for those they concern and no others, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hierarchy {
    nodes: Vec<Arc<Node>>,
    open: Open,
}

/// What has changed since the closure was last made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    /// Whose juniors changed.
    seniors: BTreeSet<usize>,
    /// Whose seniors changed.
    juniors: BTreeSet<usize>,
    /// The new links.
    links: Vec<(usize, usize)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    juniors: BTreeSet<usize>,
    seniors: BTreeSet<usize>,
    /// Itself and all its juniors; empty where it has none, since a set is as long as the greatest number in it.
    below: FixedBitSet,
    /// Itself and all its seniors; empty where it has none.
    above: FixedBitSet,
}

/// A role and all it reaches in one direction.
#[derive(Clone, Copy)]
pub(super) struct Closure<'a> {
    role: usize,
    reached: &'a FixedBitSet,
}

impl<'a> Closure<'a> {
    pub(super) fn contains(self, role: usize) -> bool {
        role == self.role || self.reached.contains(role)
    }

    pub(super) fn is_disjoint(self, roles: &FixedBitSet) -> bool {
        !roles.contains(self.role) && self.reached.is_disjoint(roles)
    }

    pub(super) fn ones(self) -> impl Iterator<Item = usize> + use<'a> {
        iter::once(self.role).chain(self.reached.ones().filter(move |role| *role != self.role))
    }

    pub(super) fn add_to(self, roles: &mut FixedBitSet) {
        roles.grow_and_insert(self.role);
        roles.union_with(self.reached);
    }

    pub(super) fn take_from(self, roles: &mut FixedBitSet) {
        roles.difference_with(self.reached);
        if roles.contains(self.role) {
            roles.remove(self.role);
        }
    }
}

#[derive(Clone, Copy)]
enum Toward {
    Juniors,
    Seniors,
}

impl Node {
    fn links(&self, toward: Toward) -> &BTreeSet<usize> {
        match toward {
            Toward::Juniors => &self.juniors,
            Toward::Seniors => &self.seniors,
        }
    }

    fn closure(&mut self, toward: Toward) -> &mut FixedBitSet {
        match toward {
            Toward::Juniors => &mut self.below,
            Toward::Seniors => &mut self.above,
        }
    }
}

impl Toward {
    fn back(self) -> Self {
        match self {
            Self::Juniors => Self::Seniors,
            Self::Seniors => Self::Juniors,
        }
    }
}

impl Hierarchy {
    /// A role without juniors or seniors.
    pub(super) fn add(&mut self, role: usize) {
        let node = Arc::default();
        if role == self.nodes.len() { self.nodes.push(node) } else { self.nodes[role] = node }
    }

    /// Takes a role out, with what joins it to others.
    pub(super) fn remove(&mut self, role: usize) {
        let Node { juniors, seniors, .. } = self.nodes[role].as_ref().clone();
        for junior in juniors {
            self.unlink(role, junior);
        }
        for senior in seniors {
            self.unlink(senior, role);
        }
    }

    /// Puts `senior` directly above `junior`.
    pub(super) fn link(&mut self, senior: usize, junior: usize) {
        if self.node(senior).juniors.insert(junior) {
            self.node(junior).seniors.insert(senior);
            self.open.links.push((senior, junior));
            self.note(senior, junior);
        }
    }

    /// Takes away that `senior` is directly above `junior`; it may still be above by way of others.
    pub(super) fn unlink(&mut self, senior: usize, junior: usize) {
        self.node(senior).juniors.remove(&junior);
        self.node(junior).seniors.remove(&senior);
        self.note(senior, junior);
    }

    fn node(&mut self, role: usize) -> &mut Node {
        Arc::make_mut(&mut self.nodes[role])
    }

    fn note(&mut self, senior: usize, junior: usize) {
        self.open.seniors.insert(senior);
        self.open.juniors.insert(junior);
    }

    /// Makes the closure anew for those whom the changes concern. Where new links close a cycle, they are taken away again,
    /// and all that stand above it.
    pub(super) fn close(&mut self) {
        let Open { seniors, juniors, links } = std::mem::take(&mut self.open);
        let mut circling = self.close_toward(Toward::Juniors, &seniors);
        if !circling.is_empty() {
            for (senior, junior) in links.into_iter().filter(|(senior, _)| circling.contains(senior)) {
                self.unlink(senior, junior);
            }
            // Both ends are among those whom the changes concern already.
            self.open = Open::default();
            circling = self.close_toward(Toward::Juniors, &seniors);
        }
        debug_assert!(circling.is_empty(), "only a new link can close a cycle");
        self.close_toward(Toward::Seniors, &juniors);
    }

    /// Makes the closure in one direction anew of `changed` and all behind them, each after all it is linked to; those that
    /// wait for one another for ever are left over.
    fn close_toward(&mut self, toward: Toward, changed: &BTreeSet<usize>) -> BTreeSet<usize> {
        if changed.is_empty() {
            return BTreeSet::new();
        }
        let mut waits = self.behind(toward, changed);
        let waiting = |(role, waits): (usize, &Option<usize>)| waits.map(|waits| (role, waits));
        let mut ready: Vec<usize> = waits
            .iter()
            .enumerate()
            .filter_map(waiting)
            .filter(|(_, waits)| *waits == 0)
            .map(|(role, _)| role)
            .collect();
        while let Some(role) = ready.pop() {
            waits[role] = None;
            let mut closure = FixedBitSet::new();
            for linked in self.nodes[role].links(toward) {
                closure.grow_and_insert(role);
                self.closure(*linked, toward).add_to(&mut closure);
            }
            for behind in self.nodes[role].links(toward.back()) {
                if let Some(waits) = &mut waits[*behind] {
                    *waits -= 1;
                    if *waits == 0 {
                        ready.push(*behind);
                    }
                }
            }
            *self.node(role).closure(toward) = closure;
        }
        waits.iter().enumerate().filter_map(waiting).map(|(role, _)| role).collect()
    }

    /// For `changed` and all behind them, of how many such each has to be after.
    fn behind(&self, toward: Toward, changed: &BTreeSet<usize>) -> Vec<Option<usize>> {
        let mut waits = vec![None; self.nodes.len()];
        let mut found: Vec<usize> = changed.iter().copied().collect();
        for role in changed {
            waits[*role] = Some(0);
        }
        while let Some(role) = found.pop() {
            for behind in self.nodes[role].links(toward.back()) {
                if waits[*behind].is_none() {
                    found.push(*behind);
                }
                *waits[*behind].get_or_insert(0) += 1;
            }
        }
        waits
    }

    fn closure(&self, role: usize, toward: Toward) -> Closure<'_> {
        match toward {
            Toward::Juniors => self.below(role),
            Toward::Seniors => self.above(role),
        }
    }

    /// A role and all its juniors.
    pub(super) fn below(&self, role: usize) -> Closure<'_> {
        Closure { role, reached: &self.nodes[role].below }
    }

    /// A role and all its seniors.
    pub(super) fn above(&self, role: usize) -> Closure<'_> {
        Closure { role, reached: &self.nodes[role].above }
    }

    /// Its immediate juniors.
    pub(super) fn juniors(&self, role: usize) -> &BTreeSet<usize> {
        &self.nodes[role].juniors
    }

    /// Its immediate seniors.
    pub(super) fn seniors(&self, role: usize) -> &BTreeSet<usize> {
        &self.nodes[role].seniors
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROLES: usize = 7;

    /// Everything that can be reached, the slow way.
    fn reached(links: &BTreeSet<(usize, usize)>, from: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([from]);
        for _ in 0..ROLES {
            let next: Vec<_> = links.iter().filter(|(senior, _)| reached.contains(senior)).map(|it| it.1).collect();
            reached.extend(next);
        }
        reached
    }

    fn of(links: &BTreeSet<(usize, usize)>) -> Hierarchy {
        let mut hierarchy = Hierarchy::default();
        (0..ROLES).for_each(|role| hierarchy.add(role));
        for (senior, junior) in links {
            hierarchy.link(*senior, *junior);
        }
        hierarchy.close();
        hierarchy
    }

    /// Whether it has just these links, and their closure.
    fn check(hierarchy: &Hierarchy, links: &BTreeSet<(usize, usize)>) -> Result<(), TestCaseError> {
        for role in 0..ROLES {
            let below: BTreeSet<usize> = hierarchy.below(role).ones().collect();
            prop_assert_eq!(below, reached(links, role));
            let above: BTreeSet<usize> = hierarchy.above(role).ones().collect();
            let expected: BTreeSet<usize> = (0..ROLES).filter(|other| reached(links, *other).contains(&role)).collect();
            prop_assert_eq!(above, expected);
            let juniors: BTreeSet<usize> = links.iter().filter(|link| link.0 == role).map(|link| link.1).collect();
            prop_assert_eq!(hierarchy.juniors(role), &juniors);
            let seniors: BTreeSet<usize> = links.iter().filter(|link| link.1 == role).map(|link| link.0).collect();
            prop_assert_eq!(hierarchy.seniors(role), &seniors);
        }
        Ok(())
    }

    #[test]
    fn a_role_without_juniors_or_seniors_takes_no_room_for_them() {
        let mut hierarchy = Hierarchy::default();
        (0..1000).for_each(|role| hierarchy.add(role));
        hierarchy.link(999, 998);
        hierarchy.close();
        let room = |hierarchy: &Hierarchy| -> usize {
            hierarchy.nodes.iter().map(|node| node.below.len() + node.above.len()).sum()
        };
        assert_eq!(room(&hierarchy), 2 * 1000, "of two, the juniors of one and the seniors of the other");
        hierarchy.unlink(999, 998);
        hierarchy.close();
        assert_eq!(room(&hierarchy), 0);
        assert!(hierarchy.below(999).contains(999) && !hierarchy.below(999).contains(998));
        assert_eq!(hierarchy.above(998).ones().collect::<Vec<_>>(), [998]);
    }

    proptest! {
        #[test]
        fn however_many_steps_come_at_once_the_closure_is_that_of_the_links(
            steps in prop::collection::vec((0..8_u8, 0..ROLES, 0..ROLES, any::<bool>()), 0..60)
        ) {
            let (mut hierarchy, mut links) = (of(&BTreeSet::new()), BTreeSet::new());
            for (kind, senior, junior, closes) in steps {
                match kind {
                    0..4 if !reached(&links, junior).contains(&senior) => {
                        hierarchy.link(senior, junior);
                        links.insert((senior, junior));
                    }
                    4..7 => {
                        hierarchy.unlink(senior, junior);
                        links.remove(&(senior, junior));
                    }
                    7 => {
                        hierarchy.remove(senior);
                        hierarchy.add(senior);
                        links.retain(|link| link.0 != senior && link.1 != senior);
                    }
                    _ => {}
                }
                if closes {
                    hierarchy.close();
                    check(&hierarchy, &links)?;
                }
            }
            hierarchy.close();
            check(&hierarchy, &links)?;
        }

        #[test]
        fn links_that_close_a_cycle_are_not_taken_and_what_was_there_stays(
            old in prop::collection::btree_set((0..ROLES, 0..ROLES), 0..10),
            new in prop::collection::btree_set((0..ROLES, 0..ROLES), 0..10),
        ) {
            let old: BTreeSet<_> = old.into_iter().filter(|(senior, junior)| senior < junior).collect();
            let mut hierarchy = of(&old);
            for (senior, junior) in &new {
                hierarchy.link(*senior, *junior);
            }
            hierarchy.close();
            let taken: BTreeSet<_> =
                (0..ROLES).flat_map(|role| hierarchy.juniors(role).iter().map(move |junior| (role, *junior))).collect();
            check(&hierarchy, &taken)?;
            let all = &old | &new;
            prop_assert!(taken.is_subset(&all) && taken.is_superset(&old));
            prop_assert!(taken.iter().all(|(senior, junior)| !reached(&taken, *junior).contains(senior)), "no cycle is left");
            let is_cyclic = all.iter().any(|(senior, junior)| reached(&all, *junior).contains(senior));
            prop_assert_eq!(taken != all, is_cyclic);
        }
    }
}
