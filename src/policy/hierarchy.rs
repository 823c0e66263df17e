use std::collections::{BTreeMap, BTreeSet};
use std::{fmt, str::FromStr, sync::Arc};

use fixedbitset::FixedBitSet;

/// Which role stands above which (NIST general hierarchy), by number; with its closure, which every change brings up to
/// date for those it concerns and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hierarchy(Vec<Arc<Node>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    juniors: BTreeSet<usize>,
    seniors: BTreeSet<usize>,
    /// Itself and all its juniors.
    below: FixedBitSet,
    /// Itself and all its seniors.
    above: FixedBitSet,
}

/// How many immediate juniors a role may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HierarchyForm {
    /// Any number (NIST general hierarchical RBAC).
    #[default]
    General,
    /// One (NIST limited hierarchical RBAC).
    Limited,
}

impl FromStr for HierarchyForm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "general" => Ok(Self::General),
            "limited" => Ok(Self::Limited),
            _ => Err("must be general or limited"),
        }
    }
}

impl fmt::Display for HierarchyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::General => "general",
            Self::Limited => "limited",
        })
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
        let alone = FixedBitSet::from_iter([role]);
        let node = Arc::new(Node { below: alone.clone(), above: alone, ..Node::default() });
        if role == self.0.len() { self.0.push(node) } else { self.0[role] = node }
    }

    /// Takes a role out, with what joins it to others.
    pub(super) fn remove(&mut self, role: usize) {
        let Node { juniors, seniors, .. } = self.0[role].as_ref().clone();
        for junior in juniors {
            self.unlink(role, junior);
        }
        for senior in seniors {
            self.unlink(senior, role);
        }
    }

    /// Puts `senior` directly above `junior`, which must not be above it already.
    pub(super) fn link(&mut self, senior: usize, junior: usize) {
        self.note(senior, junior);
        let (above, below) = (self.0[senior].above.clone(), self.0[junior].below.clone());
        for role in above.ones() {
            Arc::make_mut(&mut self.0[role]).below.union_with(&below);
        }
        for role in below.ones() {
            Arc::make_mut(&mut self.0[role]).above.union_with(&above);
        }
    }

    /// Takes away that `senior` is directly above `junior`; it may still be above by way of others.
    pub(super) fn unlink(&mut self, senior: usize, junior: usize) {
        Arc::make_mut(&mut self.0[senior]).juniors.remove(&junior);
        Arc::make_mut(&mut self.0[junior]).seniors.remove(&senior);
        let (above, below) = (self.0[senior].above.clone(), self.0[junior].below.clone());
        self.close(above.ones(), Toward::Juniors);
        self.close(below.ones(), Toward::Seniors);
    }

    /// Like [`link`](Self::link) for many at once.
    pub(super) fn link_all(&mut self, links: impl IntoIterator<Item = (usize, usize)>) {
        for (senior, junior) in links {
            self.note(senior, junior);
        }
        self.close(0..self.0.len(), Toward::Juniors);
        self.close(0..self.0.len(), Toward::Seniors);
    }

    fn note(&mut self, senior: usize, junior: usize) {
        Arc::make_mut(&mut self.0[senior]).juniors.insert(junior);
        Arc::make_mut(&mut self.0[junior]).seniors.insert(senior);
    }

    /// Makes the closure of these roles anew from that of the others: each after all it is linked to.
    fn close(&mut self, roles: impl Iterator<Item = usize>, toward: Toward) {
        let roles: BTreeSet<usize> = roles.collect();
        let open = |role: &usize| self.0[*role].links(toward).intersection(&roles).count();
        let mut waits: BTreeMap<usize, usize> = roles.iter().map(|role| (*role, open(role))).collect();
        let mut ready: Vec<usize> = waits.iter().filter(|(_, waits)| **waits == 0).map(|(role, _)| *role).collect();
        while let Some(role) = ready.pop() {
            let mut closure = FixedBitSet::from_iter([role]);
            for linked in self.0[role].links(toward) {
                closure.union_with(self.closure(*linked, toward));
            }
            for behind in self.0[role].links(toward.back()) {
                if let Some(waits) = waits.get_mut(behind) {
                    *waits -= 1;
                    if *waits == 0 {
                        ready.push(*behind);
                    }
                }
            }
            *Arc::make_mut(&mut self.0[role]).closure(toward) = closure;
        }
    }

    fn closure(&self, role: usize, toward: Toward) -> &FixedBitSet {
        match toward {
            Toward::Juniors => self.below(role),
            Toward::Seniors => self.above(role),
        }
    }

    /// A role and all its juniors.
    pub(super) fn below(&self, role: usize) -> &FixedBitSet {
        &self.0[role].below
    }

    /// A role and all its seniors.
    pub(super) fn above(&self, role: usize) -> &FixedBitSet {
        &self.0[role].above
    }

    /// Its immediate juniors.
    pub(super) fn juniors(&self, role: usize) -> &BTreeSet<usize> {
        &self.0[role].juniors
    }

    /// Its immediate seniors.
    pub(super) fn seniors(&self, role: usize) -> &BTreeSet<usize> {
        &self.0[role].seniors
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
        hierarchy.link_all(links.iter().copied());
        hierarchy
    }

    proptest! {
        #[test]
        fn a_step_comes_to_the_same_as_making_all_anew(steps in prop::collection::vec((0..8_u8, 0..ROLES, 0..ROLES), 0..60)) {
            let (mut hierarchy, mut links) = (of(&BTreeSet::new()), BTreeSet::new());
            for (kind, senior, junior) in steps {
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
                let anew = of(&links);
                for role in 0..ROLES {
                    let below: BTreeSet<usize> = hierarchy.below(role).ones().collect();
                    prop_assert_eq!(&below, &reached(&links, role));
                    prop_assert_eq!(&below, &anew.below(role).ones().collect());
                    let above: BTreeSet<usize> = hierarchy.above(role).ones().collect();
                    let expected: BTreeSet<usize> = (0..ROLES).filter(|other| reached(&links, *other).contains(&role)).collect();
                    prop_assert_eq!(&above, &expected);
                    prop_assert_eq!(&above, &anew.above(role).ones().collect());
                }
            }
        }
    }
}
