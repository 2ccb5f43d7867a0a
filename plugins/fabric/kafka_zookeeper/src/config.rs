//! The files of a broker and of the ensemble.

use std::fmt::Write as _;

/// 99 MiB: above the 98 MiB that samples of Fabric have as the absolute limit of a block.
pub const MAX_MESSAGE_BYTES: u32 = 99 * 1024 * 1024;

/// Where a broker's volume is mounted. Its data lies in a folder below: a broker refuses to start over a folder that is no
/// partition, such as a file system's `lost+found`.
pub const KAFKA_VOLUME: &str = "/var/kafka";

/// Where a member's volume is mounted.
pub const ZOOKEEPER_VOLUME: &str = "/data";

/// Everything from `INFO` on, to the output.
pub const LOG4J_TEXT: &str = "log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n
";

/// What a broker is told.
#[derive(Debug)]
pub struct KafkaConfig {
    /// Its number, which is its own for ever.
    pub id: u32,
    /// `host:port` that it names to orderers and other brokers.
    pub advertised: String,
    /// `host:port` of each member of the ensemble.
    pub ensemble: Vec<String>,
    /// Copies of a topic.
    pub copies: u32,
    /// Largest message.
    pub max_message_bytes: u32,
}

impl KafkaConfig {
    /// `server.properties`. Orderers read a topic from its beginning, so nothing in it may ever expire, and what they were
    /// told is written may not be taken back.
    pub fn text(&self) -> String {
        // A write is good when all copies but one have it.
        let in_sync = self.copies.saturating_sub(1).max(1);
        let Self {
            id,
            advertised,
            copies,
            max_message_bytes,
            ..
        } = self;
        let ensemble = self.ensemble.join(",");
        format!(
            "broker.id={id}
listeners=PLAINTEXT://0.0.0.0:9092
advertised.listeners=PLAINTEXT://{advertised}
log.dirs={KAFKA_VOLUME}/logs
zookeeper.connect={ensemble}
zookeeper.connection.timeout.ms=30000
default.replication.factor={copies}
offsets.topic.replication.factor={copies}
min.insync.replicas={in_sync}
unclean.leader.election.enable=false
log.retention.ms=-1
message.max.bytes={max_message_bytes}
replica.fetch.max.bytes={max_message_bytes}
"
        )
    }
}

/// A member of the ensemble.
#[derive(Debug)]
pub struct Member {
    /// Its number, from one.
    pub id: u32,
    /// Where the others reach it.
    pub host: String,
}

/// What the ensemble is told, the same for each member.
#[derive(Debug)]
pub struct ZooKeeperConfig {
    /// All members.
    pub members: Vec<Member>,
}

impl ZooKeeperConfig {
    /// `zoo.cfg`. A member listens on all addresses: its own name leads to its Service, on whose address it cannot listen.
    pub fn text(&self) -> String {
        let mut text = format!(
            "tickTime=2000
initLimit=10
syncLimit=5
dataDir={ZOOKEEPER_VOLUME}
clientPort=2181
autopurge.snapRetainCount=3
autopurge.purgeInterval=1
quorumListenOnAllIPs=true
"
        );
        for Member { id, host } in &self.members {
            let _ = writeln!(text, "server.{id}={host}:2888:3888");
        }
        text
    }
}
