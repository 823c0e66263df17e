use super::{Graph, PermissionName, RoleName};

/// How a role gives a permission: down the hierarchy, one step at a time, to the role that was granted it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<RoleName>);

impl Graph {
    /// The ways in which `role` gives `permission`, by name: there may be more than anyone can read.
    pub fn paths(&self, role: &RoleName, permission: &PermissionName) -> impl Iterator<Item = Path> {
        let mut steps = vec![vec![role.clone()]];
        std::iter::from_fn(move || {
            while let Some(path) = steps.pop() {
                let Some(last) = path.last() else { continue };
                let Some(stated) = self.role(last) else { continue };
                // Those by whom nothing is given are not gone down.
                let onward =
                    self.juniors(last).into_iter().filter(|junior| self.gives([junior.as_str()], permission.as_str()));
                // The last one is taken first.
                steps.extend(onward.rev().map(|junior| [path.as_slice(), &[junior]].concat()));
                if stated.grants.contains(permission) {
                    return Some(Path(path));
                }
            }
            None
        })
    }
}
