//! What holds for every request, whatever it asks for.

mod cors;
mod docs;
mod headers;
mod health;
mod limits;
mod odd_input;
mod refusals;
mod slow;
mod tokens;
