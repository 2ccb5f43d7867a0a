//! The user's terminal at a node's console; in a pipe, what is piped.

use std::os::unix::fs::PermissionsExt as _;

use super::Operator;
use super::plane::plane;

#[tokio::test(flavor = "multi_thread")]
async fn a_console_hears_what_is_piped_and_its_exit_code_is_told() {
    let Some(programs) = plane().exec_folder() else {
        eprintln!("skipped: pods of this cluster run no stubs");
        return;
    };
    let one = Operator::new(plane(), "console").await;
    one.run("create talk --stack quorum --nodes 1 --wait");
    std::fs::create_dir_all(&programs).unwrap();
    let stub = programs.join("sh");
    let script = "#!/bin/bash\nread -r line\necho \"$1 heard $line\"\nexit ${#line}\n";
    std::fs::write(&stub, script).unwrap();
    std::fs::set_permissions(&stub, std::fs::Permissions::from_mode(0o755)).unwrap();
    let console = |typed: &str| {
        let output = one.command("run console node0").write_stdin(typed).output();
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let heard = |line: &str| format!("/geth-helpers/geth-attach.sh heard {line}\n");
    let (code, out, said) = console("\n");
    assert_eq!((code, out), (Some(0), heard("")), "{said}");
    let (code, out, said) = console("eth.x\nmore\n");
    assert_eq!((code, out), (Some(1), heard("eth.x")), "{said}");
    assert!(said.contains("code 5"), "{said}");
    std::fs::remove_file(&stub).unwrap();
}
