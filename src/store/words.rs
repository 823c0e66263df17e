//! Sets of names as they are stored: separated by spaces, which no name contains.

/// The names as one text.
pub(super) fn join(names: impl IntoIterator<Item: ToString>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ")
}

/// The names in a text.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
