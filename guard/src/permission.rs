/// A permission known when the service is built: an action on a resource type.
pub trait Permission: Send + Sync + 'static {
    /// `resource:action`
    const NAME: &'static str;
    /// What it lets someone do, for people.
    const DESCRIPTION: &'static str;
}

/// A permission's name and meaning, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Described {
    /// `resource:action`
    pub name: &'static str,
    /// What it lets someone do, for people.
    pub description: &'static str,
}

/// The catalogue as a policy file, for `rolecall policy plan` and `apply`: so an administrator adds its permissions to a
/// server's. (JSON is YAML, and needs no second library.)
#[must_use]
pub fn policy_file(catalogue: &[Described]) -> String {
    let file = serde_json::json!({ "permissions": catalogue });
    format!("{file:#}\n")
}

/// Declares a catalogue of permissions: a module a resource, a type an action, and
/// `CATALOGUE`, the list of all of them.
///
/// The doc comment of an action is its description. See the crate's front page for an example.
#[macro_export]
macro_rules! permissions {
    ($(
        $(#[doc = $about:literal])+
        $module:ident = $resource:literal {
            $( #[doc = $description:literal] $name:ident = $action:literal, )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            pub mod $module {
                $(
                    #[doc = $description]
                    #[derive(Clone, Copy, Debug)]
                    pub struct $name;

                    impl $crate::Permission for $name {
                        const NAME: &'static str = concat!($resource, ":", $action);
                        const DESCRIPTION: &'static str = $description.trim_ascii();
                    }
                )+
            }
        )+

        /// Every permission declared here.
        pub const CATALOGUE: &[$crate::Described] = &[
            $($(
                $crate::Described {
                    name: <$module::$name as $crate::Permission>::NAME,
                    description: <$module::$name as $crate::Permission>::DESCRIPTION,
                },
            )+)+
        ];
    };
}
