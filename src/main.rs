//! The `byline` program: see `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    byline::cli::run()
}
