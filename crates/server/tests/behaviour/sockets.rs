//! Words flow both ways.

use rozmowa::queue::agents;
use rozmowa::visitor::token;
use rozmowa_load::socket::{Closed, Refused, Socket};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{delete, post, put};
use crate::people::{
    Person, agent_socket, cookie_of, member, origin_of, soon, token_of, visitor_socket,
};
use crate::server::{NOON, Server};
use crate::store::on_both_engines;

fn number(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_and_an_agent_talk() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        member(&server, 3, "jkowalski").await;
        let token = token_of(&server, &id).await;
        let cookie = cookie_of(&server, "jkowalski").await;
        let mut visitor = Person::visitor(&server, &token).await;
        let mut agent = Person::agent(&server, &cookie, &id).await;
        let ack = visitor.says(number(1), "Dzień dobry").await;
        assert_eq!(
            ack,
            json!({ "type": "ack", "id": number(1), "conversation": id, "seq": 2, "at": NOON })
        );
        agent.until(2).await;
        assert_eq!(agent.texts(), ["Dzień dobry"]);
        let ack = agent.answers(&id, number(2), "W czym pomóc?").await;
        assert_eq!(ack["seq"], 4, "it was claimed first");
        visitor.until(4).await;
        agent.until(4).await;
        assert_eq!(visitor.texts(), ["Dzień dobry", "W czym pomóc?"]);
        assert!(!visitor.has_doubles && !agent.has_doubles);
        let reply = &visitor.log[&4];
        let first_name = reply["name"].clone();
        assert_eq!(
            *reply,
            json!({ "seq": 4, "at": NOON, "kind": "message", "by": "agent", "name": first_name,
                "text": "W czym pomóc?" }),
        );
        server.stop(&id).await;
        visitor.until(5).await;
        assert_eq!(visitor.log[&5]["kind"], "closed");
        let refused = json!({ "type": "message", "id": number(3), "text": "Halo?" });
        visitor.socket.send(&refused).await.unwrap();
        let refused = visitor.next_of("refused").await.unwrap();
        assert_eq!(refused["id"], json!(number(3)));
        assert_eq!(refused["errors"][0]["code"], 400_102);
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_again_is_the_same_message() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let token = token_of(&server, &id).await;
        let mut visitor = Person::visitor(&server, &token).await;
        let first = visitor.says(number(1), "Raz").await;
        let mut again = Person::visitor(&server, &token).await;
        server.app.clock.advance(1_000);
        assert_eq!(again.says(number(1), "Raz").await, first);
        assert_eq!(again.says(number(2), "Dwa").await["seq"], 3);
        again.until(3).await;
        assert_eq!(again.texts(), ["Raz", "Dwa"]);
        assert_eq!(again.log[&2]["id"], json!(number(1)), "its sender knows it by this");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_gets_what_was_missed() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let token = token_of(&server, &id).await;
        let mut visitor = Person::visitor(&server, &token).await;
        visitor.until(1).await;
        let log = std::mem::take(&mut visitor.log);
        visitor.socket.close().await;
        for text in 0..250 {
            server.message(&id, &text.to_string()).await;
        }
        let mut visitor = Person::visitor_after(&server, &token, log).await;
        visitor.until(251).await;
        assert!(!visitor.has_doubles);
        assert_eq!(visitor.log.len(), 251);
        // More than there is means as much as all.
        let mut socket = visitor_socket(&server).await;
        let hello = json!({ "type": "hello", "v": 1, "token": token, "after": 9_000 });
        socket.send(&hello).await.unwrap();
        let welcome = soon(socket.next_of("welcome")).await.unwrap();
        assert_eq!(welcome["conversation"]["seq"], 251);
        server.message(&id, "jeszcze").await;
        let events = soon(socket.next_of("events")).await.unwrap();
        assert_eq!(events["events"][0]["seq"], 252);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_things_reach_the_other_side() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        member(&server, 3, "jkowalski").await;
        let token = token_of(&server, &id).await;
        let cookie = cookie_of(&server, "jkowalski").await;
        let mut agent = Person::agent(&server, &cookie, &id).await;
        agent.until(1).await;
        let mut visitor = Person::visitor(&server, &token).await;
        let page = agent.next_of("page").await.unwrap();
        assert_eq!(page["is_open"], true);
        let typing = json!({ "type": "typing", "is_typing": true, "text": "Dz" });
        visitor.socket.send(&typing).await.unwrap();
        let typing = agent.next_of("typing").await.unwrap();
        assert_eq!(
            typing,
            json!({ "type": "typing", "conversation": id, "by": "client", "is_typing": true }),
            "the queue shows no text"
        );
        let typing = json!({ "type": "typing", "conversation": id, "is_typing": true });
        agent.socket.send(&typing).await.unwrap();
        assert_eq!(visitor.next_of("typing").await.unwrap()["by"], "agent");
        server.message(&id, "a").await;
        agent.until(2).await;
        let read = json!({ "type": "read", "conversation": id, "seq": 2 });
        agent.socket.send(&read).await.unwrap();
        assert_eq!(visitor.next_of("read").await.unwrap()["seq"], 2);
        for person in [&mut visitor, &mut agent] {
            person.socket.send(&json!({ "type": "ping" })).await.unwrap();
            assert_eq!(person.next_of("pong").await.unwrap(), json!({ "type": "pong" }));
        }
        visitor.socket.close().await;
        assert_eq!(agent.next_of("typing").await.unwrap()["is_typing"], false, "who is gone");
        assert_eq!(agent.next_of("page").await.unwrap()["is_open"], false);
    })
    .await;
}

/// What a socket was closed with after it said something.
async fn closed_after(mut socket: Socket, frames: &[Value]) -> u16 {
    for frame in frames {
        let _ = socket.send(frame).await;
    }
    soon(async {
        loop {
            if let Err(Closed(code)) = socket.next().await {
                return code;
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_business_here_is_told_so() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let token = token_of(&server, &id).await;
        let hello = |token: &str| json!({ "type": "hello", "v": 1, "token": token });
        let open = async || visitor_socket(&server).await;
        assert_eq!(closed_after(open().await, &[hello("wrong")]).await, 4011);
        assert_eq!(closed_after(open().await, &[json!({ "type": "typing" })]).await, 4010);
        let newer = json!({ "type": "hello", "v": 2, "token": token });
        assert_eq!(closed_after(open().await, &[newer]).await, 4013);
        let twice = [hello(&token), hello(&token)];
        assert_eq!(closed_after(open().await, &twice).await, 4010);
        let flood: Vec<_> = std::iter::once(hello(&token))
            .chain((0..150).map(|_| json!({ "type": "x" })))
            .collect();
        assert_eq!(closed_after(open().await, &flood).await, 4005);
        let conversation: Uuid = id.parse().unwrap();
        server.act(move |tx, _| token::revoke(tx, &conversation)).await;
        assert_eq!(closed_after(open().await, &[hello(&token)]).await, 4011, "revoked");

        let status = |opened: Result<Socket, Refused>| match opened {
            Err(Refused::Status(status)) => status,
            Err(Refused::Broken(error)) => panic!("{error}"),
            Ok(_) => 101,
        };
        let cookie = cookie_of(&server, "jkowalski").await;
        let (own, foreign) = (origin_of(&server), "https://evil.example.org");
        let console = async |headers: &[(&str, &str)]| {
            status(Socket::open(server.address, "/console/socket", headers).await)
        };
        assert_eq!(console(&[("origin", &own)]).await, 401, "no session");
        assert_eq!(console(&[("origin", foreign), ("cookie", &cookie)]).await, 403);
        assert_eq!(console(&[("cookie", &cookie)]).await, 403, "no browser leaves it out");
        assert_eq!(console(&[("origin", &own), ("cookie", &cookie)]).await, 101);
        let visitor = Socket::open(server.address, "/visitor/socket", &[("origin", foreign)]).await;
        assert_eq!(status(visitor), 403);
        // Not of the queue: nothing of this conversation is for this agent.
        let mut socket = agent_socket(&server, &cookie).await.unwrap();
        let hello = json!({ "type": "hello", "v": 1, "watch": { id.as_str(): 0 } });
        socket.send(&hello).await.unwrap();
        let refused = soon(socket.next_of("refused")).await.unwrap();
        assert_eq!(refused["errors"][0]["code"], 200_123);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_so_and_everybody_goes_on_afterwards() {
    on_both_engines(async |engine| {
        let mut server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let token = token_of(&server, &id).await;
        let mut visitor = Person::visitor(&server, &token).await;
        visitor.says(number(1), "Przed").await;
        visitor.until(2).await;
        let ended = tokio::spawn(async move {
            let end = visitor.next_of("never").await;
            (visitor.log, end)
        });
        // Who has not said hello is told, too.
        let newcomer = tokio::spawn(closed(visitor_socket(&server).await));
        server.restart("").await;
        assert_eq!(soon(newcomer).await.unwrap(), 4001);
        let (log, end) = soon(ended).await.unwrap();
        assert_eq!(end.unwrap_err(), Closed(4001));
        let mut visitor = Person::visitor_after(&server, &token, log).await;
        visitor.says(number(2), "Po").await;
        visitor.until(3).await;
        assert_eq!(visitor.texts(), ["Przed", "Po"]);
        assert!(!visitor.has_doubles);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_it_any_more_hears_no_more_of_it() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        member(&server, 3, "jkowalski").await;
        member(&server, 4, "anowak").await;
        let cookie = cookie_of(&server, "jkowalski").await;
        let mut agent = Person::agent(&server, &cookie, &id).await;
        agent.until(1).await;
        let target = format!("/api/chat_conversations/{id}/transfer");
        let transfer = [("user_login", "jkowalski"), ("chat_queue_id", "4")];
        server.call(post(target).form(&transfer)).await.expect(200);
        let refused = agent.next_of("refused").await.unwrap();
        assert_eq!(refused["errors"][0]["code"], 200_123);
        server.message(&id, "Nie dla tej osoby").await;
        // A frame that is answered: what came before has come.
        let watch = json!({ "type": "watch", "conversation": id, "after": 1 });
        agent.socket.send(&watch).await.unwrap();
        agent.next_of("refused").await.unwrap();
        assert_eq!(agent.log.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_off_a_queue_hears_no_more_of_it() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        member(&server, 3, "jkowalski").await;
        let cookie = cookie_of(&server, "jkowalski").await;
        let mut agent = Person::agent(&server, &cookie, &id).await;
        agent.until(1).await;
        server.act(|tx, act| agents::remove(tx, act, 3, "jkowalski")).await;
        let refused = agent.next_of("refused").await.unwrap();
        assert_eq!(refused["errors"][0]["code"], 200_123);
    })
    .await;
}

/// What a socket was closed with.
async fn closed(socket: Socket) -> u16 {
    closed_after(socket, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_what_it_was_opened_with() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        member(&server, 3, "jkowalski").await;
        let token = token_of(&server, &id).await;
        let mut visitor = Person::visitor(&server, &token).await;
        visitor.until(1).await;
        let revoke = delete(format!("/api/chat_conversations/{id}/visitor_token"));
        server.call(revoke).await.expect_nothing();
        assert_eq!(closed(visitor.socket).await, 4011);
        let sign_in = async || {
            let cookie = cookie_of(&server, "jkowalski").await;
            let mut agent = Person::agent(&server, &cookie, &id).await;
            agent.until(1).await;
            agent.socket
        };
        let socket = sign_in().await;
        let password = json!({ "password": "a quite different one" });
        server.call(put("/api/agents/jkowalski").json(&password)).await.expect_nothing();
        assert_eq!(closed(socket).await, 4011);
    })
    .await;
}
