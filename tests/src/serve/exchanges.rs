//! Token exchange by a program that is configured anew in between.

use claimbound_server::config::Address;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{EXCHANGE, Place, job_with};
use crate::gate::SIGNER;

/// A listener for exchanges, before the monitor's.
fn listening(exchange: &str) -> String {
    format!(
        "[listen.tokens]\naddress = \"127.0.0.1:0\"\nserves = [\"exchange\"]\n{exchange}\n[monitor]"
    )
}

/// A request for the target of [`EXCHANGE`], whole.
fn request(token: &str) -> String {
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt\
         &audience=https%3A%2F%2Fapi.acme.example&subject_token={token}"
    );
    format!(
        "POST /token HTTP/1.1\r\nhost: id.acme.example\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
}

async fn answer(mut stream: TcpStream) -> (String, Value) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.to_owned(), serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_by_the_configuration_that_stands_once_it_is_whole() {
    let place = Place::new();
    place.configure(&[("[monitor]", &listening(EXCHANGE))]);
    let serving = place.serve().await;
    let Address::Tcp(address) = serving.address("tokens") else {
        panic!("it listens at a port");
    };
    let text = request(&SIGNER.sign(&job_with("one")));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let (status, body) = answer(stream).await;
    assert_eq!(status, "200", "{body}");

    // Whoever says who the client is expects that to count.
    for (header, expected) in [
        ("authorization: Basic eDp5", ("401", "invalid_client")),
        ("content-encoding: gzip", ("400", "invalid_request")),
    ] {
        let text = request(&SIGNER.sign(&job_with("three")));
        let text = text.replacen("\r\n", &format!("\r\n{header}\r\n"), 1);
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let (status, body) = answer(stream).await;
        assert_eq!((&*status, body["error"].as_str().unwrap()), expected);
    }

    let text = request(&SIGNER.sign(&job_with("two")));
    let (begun, rest) = text.split_at(text.len() - 10);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(begun.as_bytes()).await.unwrap();
    // The head has come by the time that this is answered.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let withdrawn = EXCHANGE.replace("https://api.acme.example", "https://other.acme.example");
    place.configure(&[("[monitor]", &listening(&withdrawn))]);
    let reloaded = serving.operate("/reload", &json!({})).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    stream.write_all(rest.as_bytes()).await.unwrap();
    let (status, body) = answer(stream).await;
    assert_eq!(
        (status.as_str(), &body["error"]),
        ("400", &json!("invalid_target"))
    );
}
