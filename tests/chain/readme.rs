//! The commands of README.md, as they stand there, one after the other in one namespace.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_readme_work() {
    let admin = plane().namespace("readme").await;
    let tool = Tool::new(&admin.namespace);
    let folder = tempfile::tempdir().unwrap();
    let binary = assert_cmd::cargo::cargo_bin("kubectl-chain");
    let readme = std::fs::read_to_string("README.md").unwrap();
    let mut ran = 0;
    let blocks = readme
        .split("```console\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    for line in blocks.flat_map(str::lines) {
        let Some(command) = line.strip_prefix("$ ") else {
            continue;
        };
        let rest = command
            .strip_prefix("kubectl chain ")
            .expect("a command of kubectl chain");
        let output = std::process::Command::new("bash")
            .arg("-c")
            .arg(format!(
                "exec '{}' -n '{}' {rest}",
                binary.display(),
                admin.namespace
            ))
            .current_dir(folder.path())
            .env("KUBECONFIG", &plane().kubeconfig)
            .env("HOME", tool.path(""))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{command}\n{said}");
        if command.ends_with("kubectl chain create") {
            assert!(
                text(&output.stdout)
                    .lines()
                    .all(|line| line.ends_with(" unchanged")),
                "{said}"
            );
        }
        ran += 1;
    }
    assert!(ran >= 15, "only {ran} commands were found");
}
