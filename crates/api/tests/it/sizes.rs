//! Sizes of branches and keyspaces, in the shapes that PlanetScale's clients read.

use crate::access::{status, token};
use crate::server::{Server, server};
use serde_json::{Value, json};

const ORG: &str = "/v1/organizations/default";
const SHOP: &str = "/v1/organizations/default/databases/shop";
const MAIN: &str = "/v1/organizations/default/databases/shop/branches/main";

async fn size(server: &Server, branch: &str) -> Value {
    let what = format!("GET {SHOP}/branches/{branch}");
    let mut shown = server.call(&what, None).await.expect(200);
    shown["cluster_name"].take()
}

#[tokio::test]
async fn sizes_say_what_they_are() {
    let server = server().await;
    server.shop().await;
    let all = server
        .call(
            &format!("GET {ORG}/cluster-size-skus?rates=true&engine=mysql"),
            None,
        )
        .await
        .expect(200);
    let of = |name: &str| {
        let all = all.as_array().unwrap();
        all.iter().find(|s| s["name"] == name).unwrap().clone()
    };
    let ten = of("PS_10");
    assert_eq!(
        (&ten["cpu"], &ten["ram"]),
        (&json!("1"), &json!(1_i64 << 30))
    );
    assert_eq!(ten["enabled"], true);
    assert!(ten["max_connections"].as_i64().unwrap() > 0);
    // The server of this test gives its engines 2 GiB together.
    assert_eq!(of("PS_320")["enabled"], false);
    let of_main = server
        .call(&format!("GET {MAIN}/cluster-size-skus"), None)
        .await;
    let of_main = of_main.expect(200);
    let names: Vec<&Value> = of_main
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["name"])
        .collect();
    assert_eq!(names[0], "PS_MACHINE");
    assert!(!names.contains(&&json!("PS_DEV")));
}

#[tokio::test]
async fn a_branch_shows_the_size_that_it_was_asked_for() {
    let server = server().await;
    let wait = [("authorization", &*server.root), ("prefer", "wait=20")];
    let make = format!("POST {ORG}/databases");
    let body = r#"{"name":"shop","cluster_size":"PS-10","replicas":2}"#;
    server.send(&make, &wait, body).await.expect(201);
    assert_eq!(size(&server, "main").await, "PS_10");
    let make = format!("POST {SHOP}/branches");
    for (name, extra, shown) in [
        // What `pscale branch create` sends.
        (
            "a",
            r#""cluster_size":"PS_DEV","parent_branch":"","region":"""#,
            "PS_DEV",
        ),
        ("b", r#""cluster_size":"PS-10""#, "PS_10"),
        (
            "c",
            r#""keyspace_cluster_sizes":[{"keyspace_name":"shop","cluster_size":"PS_10"}]"#,
            "PS_10",
        ),
        ("d", r#""cluster_size":"""#, "PS_DEV"),
    ] {
        let body = format!(r#"{{"name":"{name}",{extra}}}"#);
        let made = server.send(&make, &wait, &body).await.expect(201);
        assert_eq!(made["cluster_name"], shown, "{body}");
        assert_eq!(size(&server, name).await, shown, "{body}");
    }
    for extra in [
        json!({"cluster_size": "PS_15"}),
        json!({"cluster_size": "PS_320"}),
        json!({"cluster_size": "PS_DEV", "keyspace_cluster_sizes": [{"cluster_size": "PS_10"}]}),
    ] {
        let mut body = json!({"name": "x"});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let refused = server.call(&make, Some(body)).await.expect(422);
        assert_eq!(refused["code"], "unprocessable", "{extra}");
    }
    let make = format!("POST {ORG}/databases");
    let body = json!({"name": "y", "cluster_size": "PS_DEV"});
    let refused = server.call(&make, Some(body)).await.expect(422);
    assert_eq!(refused["code"], "unprocessable");
}

#[tokio::test]
async fn a_keyspace_is_resized_with_its_branch() {
    let server = server().await;
    server.shop().await;
    let resizes = format!("{MAIN}/keyspaces/shop/resizes");
    let none = server
        .call(&format!("GET {resizes}"), None)
        .await
        .expect(200);
    assert_eq!(none["data"], json!([]));
    let body = json!({"cluster_size": "PS-10", "extra_replicas": 0});
    let made = server
        .call(&format!("PUT {resizes}"), Some(body))
        .await
        .expect(200);
    assert_eq!(
        (
            &made["state"],
            &made["cluster_name"],
            &made["previous_cluster_name"]
        ),
        (&json!("completed"), &json!("PS_10"), &json!("PS_MACHINE"))
    );
    let id = made["id"].as_str().unwrap();
    let shown = server
        .call(&format!("GET {resizes}/{id}"), None)
        .await
        .expect(200);
    assert_eq!(shown, made);
    server
        .call(&format!("GET {resizes}/aaaaaaaaaaaa"), None)
        .await
        .expect(404);
    let list = server
        .call(&format!("GET {resizes}"), None)
        .await
        .expect(200);
    assert_eq!(list["data"][0], made);
    server
        .call(&format!("DELETE {resizes}"), None)
        .await
        .expect(204);
    let keyspace = server
        .call(&format!("GET {MAIN}/keyspaces/shop"), None)
        .await;
    let keyspace = keyspace.expect(200);
    assert_eq!(
        (
            &keyspace["cluster_name"],
            &keyspace["resizing"],
            &keyspace["resize_pending"]
        ),
        (&json!("PS_10"), &json!(false), &json!(false))
    );
    // A keyspace that is made then has the same, and no other.
    let make = format!("POST {MAIN}/keyspaces");
    let body = json!({"name": "a", "cluster_size": "PS_10"});
    server.call(&make, Some(body)).await.expect(200);
    let body = json!({"name": "b", "cluster_size": "PS_20"});
    server.call(&make, Some(body)).await.expect(422);
    let cluster = format!("PATCH {MAIN}/cluster");
    for wrong in [
        json!({"cluster_size": "PS_11"}),
        json!({"cluster_size": "PS_320"}),
    ] {
        let refused = server.call(&cluster, Some(wrong)).await.expect(422);
        assert_eq!(refused["code"], "unprocessable");
    }
    let missing = server.call(&cluster, None).await.expect(422);
    assert_eq!(missing["field"], "cluster_size");
    let body = json!({"cluster_size": "PS_MACHINE"});
    server.call(&cluster, Some(body)).await.expect(204);
    assert_eq!(size(&server, "main").await, "PS_MACHINE");
    let log = format!("GET {ORG}/audit-log?filters[]=audit_action:branch.resized");
    let log = server.call(&log, None).await.expect(200);
    assert_eq!(log["data"][0]["metadata"]["to"], "PS_MACHINE");
    assert_eq!(log["data"].as_array().unwrap().len(), 2);
    let reader = token(&server, Some("shop"), &["read_branch", "create_branch"]).await;
    let body = r#"{"cluster_size":"PS_10"}"#;
    assert_eq!(status(&server, &reader, &cluster, body).await, 403);
    assert_eq!(
        status(&server, &reader, &format!("PUT {resizes}"), body).await,
        403
    );
    assert_eq!(
        status(&server, &reader, &format!("GET {resizes}"), "").await,
        200
    );
}

#[tokio::test]
async fn a_vtgate_stays_what_it_is() {
    let server = server().await;
    server.shop().await;
    let resizes = format!("{MAIN}/resizes");
    let put = format!("PUT {resizes}");
    server.call(&put, None).await.expect(204);
    let main = server.call(&format!("GET {MAIN}"), None).await.expect(200);
    // What Terraform read is what it plans.
    let same = json!({
        "vtgate_size": main["vtgate_name"], "vtgate_count": main["vtgate_count"],
        "vtgate_autoscaling": main["vtgate_autoscaling"], "vtgate_max_count": main["vtgate_max_count"],
    });
    server.call(&put, Some(same)).await.expect(204);
    let refused = server
        .call(&put, Some(json!({"vtgate_size": "VTG_80"})))
        .await;
    assert_eq!(refused.expect(422)["code"], "unprocessable");
    let none = server
        .call(&format!("GET {resizes}"), None)
        .await
        .expect(200);
    assert_eq!(none["data"], json!([]));
    server
        .call(&format!("GET {resizes}/aaaaaaaaaaaa"), None)
        .await
        .expect(404);
    server
        .call(&format!("DELETE {resizes}"), None)
        .await
        .expect(204);
}
