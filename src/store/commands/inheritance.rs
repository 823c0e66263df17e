use crate::{
    policy::{Delta, HierarchyForm, RoleName, Term},
    store::{
        Command, Refused,
        effect::Effect,
        plan::{Plan, Planned, View},
        roles::find,
    },
};

/// Lets a role inherit from another (NIST `AddInheritance`).
#[derive(Clone, Debug)]
pub struct AddInheritance {
    /// The role that gets the other's permissions, and whose users are authorized for it.
    pub senior: RoleName,
    /// The other.
    pub junior: RoleName,
}

impl Command for AddInheritance {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let senior = find(view.txn, &self.senior).await?;
        let junior = find(view.txn, &self.junior).await?;
        let juniors = view.graph.juniors(&self.senior);
        if juniors.contains(&self.junior) {
            return Ok(Planned::nothing(senior.revision, ()));
        }
        let impossible = if senior.built_in {
            Some(Refused::BuiltIn)
        } else if view.graph.is_above(&self.junior, &self.senior) {
            Some(Refused::Cycle)
        } else if view.bounds.form == HierarchyForm::Limited && !juniors.is_empty() {
            Some(Refused::SecondJunior)
        } else {
            None
        };
        let plan = Plan {
            action: "add_inheritance",
            target: target(&self.senior, &self.junior),
            needs: view.graph.permissions([self.senior.as_str()]),
            gives: vec![(view.graph.permissions([self.junior.as_str()]), Term::Always)],
            impossible,
            effects: vec![Effect::Inherit(senior.id, junior.id)],
            deltas: vec![Delta::Inherited { senior: self.senior.clone(), junior: self.junior.clone() }],
            ..Plan::default()
        };
        Ok(Planned::change(senior.revision, plan, ()))
    }
}

/// Lets a role inherit from another no more, unless it does so by way of others (NIST `DeleteInheritance`).
#[derive(Clone, Debug)]
pub struct DeleteInheritance {
    /// The role that got the other's permissions.
    pub senior: RoleName,
    /// The other.
    pub junior: RoleName,
}

impl Command for DeleteInheritance {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let senior = find(view.txn, &self.senior).await?;
        let junior = find(view.txn, &self.junior).await?;
        if !view.graph.juniors(&self.senior).contains(&self.junior) {
            return Ok(Planned::nothing(senior.revision, ()));
        }
        let plan = Plan {
            action: "delete_inheritance",
            target: target(&self.senior, &self.junior),
            needs: view.graph.permissions([self.senior.as_str()]),
            impossible: senior.built_in.then_some(Refused::BuiltIn),
            effects: vec![Effect::Disinherit(senior.id, junior.id)],
            deltas: vec![Delta::Disinherited { senior: self.senior.clone(), junior: self.junior.clone() }],
            ..Plan::default()
        };
        Ok(Planned::change(senior.revision, plan, ()))
    }
}

fn target(senior: &RoleName, junior: &RoleName) -> String {
    format!("roles/{senior}/juniors/{junior}")
}
