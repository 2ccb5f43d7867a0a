//! What stands in the pages below `docs/` to be typed.

#![allow(dead_code)]

use std::path::Path;
use std::process::Command;

/// Blocks of code that are set in, without the setting.
pub fn blocks(page: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in page.lines() {
        match line.strip_prefix("    ") {
            Some(code) => {
                let last = all.last_mut().unwrap();
                last.push_str(code);
                last.push('\n');
            }
            None if line.trim().is_empty() => all.last_mut().unwrap().push('\n'),
            None => all.push(String::new()),
        }
    }
    all
}

/// The chain's file with which a block begins, whole; none where it does not.
pub fn chain_file(block: &str) -> Option<&str> {
    let begins = block.trim_start().starts_with("# chain.yaml\n");
    begins.then(|| block.split("kubectl ").next().unwrap())
}

/// The tool's commands in a block, each on one line.
pub fn commands(block: &str) -> Vec<String> {
    let whole = block.replace("\\\n", " ");
    whole
        .lines()
        .filter(|it| it.starts_with("kubectl chain ") && !it.contains(" ["))
        .map(str::to_owned)
        .collect()
}

/// What a shell in a folder makes of a line: the words after `kubectl chain`.
pub fn words(folder: &Path, line: &str) -> Vec<String> {
    let split = r#"kubectl() { shift; printf '%s\0' "$@" >&9; }"#;
    let output = Command::new("bash")
        .args(["-c", &format!("exec 9>&1 1>/dev/null\n{split}\n{line}")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}
