//! The rules: what each is called, how much it matters, and every word that the author reads.
//!
//! `{0}`, `{1}` … stand for what was found. Names follow the W3C feed validator's where it has the
//! same rule, so that its documentation explains ours.

use super::Severity;

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and what that breaks.
    pub message: &'static str,
    /// The very thing to do.
    pub hint: &'static str,
}

/// A table of rules: `NAME: Severity "id" "message" "hint";`.
macro_rules! rules {
    ($($name:ident: $severity:ident $id:literal $message:literal $hint:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`.")]
            pub const $name: $crate::feed::lint::rules::Rule = $crate::feed::lint::rules::Rule {
                id: $id,
                severity: $crate::diagnostic::Severity::$severity,
                message: $message,
                hint: $hint,
            };
        )*
        /// Every rule of this table.
        #[cfg(test)]
        pub const ALL: &[&$crate::feed::lint::rules::Rule] = &[$(&$name),*];
    };
}

pub mod atom;
pub mod content;
pub mod document;
pub mod json;
pub mod rss;
pub mod shared;
