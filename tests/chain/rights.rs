//! With the rights of a namespace user: `edit` creates, changes and deletes; `view` looks.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn edit_is_enough_to_create_change_and_delete_and_view_to_look() {
    let admin = plane().namespace("rights").await;
    plane().user(&admin, "alice", "edit").await;
    plane().user(&admin, "bob", "view").await;
    let tool = Tool::new(&admin.namespace);
    tool.run("create rights --nodes 1 --expose-type ClusterIP --wait --as alice");
    tool.run("apply rights --nodes 2 --expose-type ClusterIP --wait --as alice");
    assert!(tool.run("get --as bob").contains("rights"));
    assert!(tool.run("status --as bob").contains("2/2 nodes ready"));
    assert!(tool.run("logs node0 --as bob").contains("controller"));
    let said = tool.fails("create mine --nodes 1 --expose-type ClusterIP --as bob", 1);
    assert!(said.contains("Role") && said.contains("create"), "{said}");
    let said = tool.fails("get --as stranger", 1);
    assert!(
        said.contains("forbidden") || said.contains("may not"),
        "{said}"
    );
    tool.run("delete rights -y --purge --as alice");
}
