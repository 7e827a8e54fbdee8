//! Two dozen real servers behind one endpoint, and clients of both eras at once, while servers are started again.
//!
//! Ten minutes, or as long as `MCP_MUX_SOAK_SECONDS` says, with `make soak`.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clients::Clients;
use super::still_satisfied;
use super::world::{World, names};

/// How many servers there are of each kind, and how many of these are left alone.
const OF_EACH: usize = 4;
const LEFT_ALONE: usize = 2;

fn time() -> Duration {
    let seconds = std::env::var("MCP_MUX_SOAK_SECONDS");
    let seconds = seconds.map_or(600, |it| it.parse().expect("MCP_MUX_SOAK_SECONDS is a number"));
    Duration::from_secs(seconds)
}

#[tokio::test]
#[ignore = "ten minutes: make soak"]
async fn clients_of_both_eras_go_on_while_half_of_two_dozen_servers_restart() {
    let mut world = World::start(OF_EACH).await;
    let (all, steady) = (names(OF_EACH), names(LEFT_ALONE));
    let (mut clients, _) = Clients::start(&world.endpoint(), &steady).await;
    let (mut others, _) = Clients::start(&world.endpoint(), &all).await;
    let until = Instant::now() + time();
    let (is_over, looks, restarts) = (Cell::new(false), Cell::new(0), Cell::new(0));
    let looking = async {
        while Instant::now() < until {
            for (client, seen) in clients.look().await {
                still_satisfied(&steady, &client, &seen);
                looks.set(looks.get() + 1);
            }
        }
        is_over.set(true);
    };
    let restarting = async {
        while !is_over.get() {
            // One after the other, and then from the beginning.
            let at = steady.len() + restarts.get() % (all.len() - steady.len());
            world.restart_server(at).await;
            restarts.set(restarts.get() + 1);
            sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::join!(looking, restarting);
    println!("{} looks at {} servers, {} restarts", looks.get(), steady.len(), restarts.get());
    // These have seen none of it, in the connections that they had before.
    for (client, seen) in others.look().await {
        still_satisfied(&all, &client, &seen);
    }
    clients.end().await;
    others.end().await;
    assert!(looks.get() > 0 && restarts.get() > 0);
}
