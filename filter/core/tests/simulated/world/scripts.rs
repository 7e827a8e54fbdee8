//! What upstreams do, and what has reached them.

use super::{Answer, Script, Seen, Server, World};

impl World {
    /// Puts a well-behaved server behind a cluster.
    pub(crate) fn serve(&mut self, cluster: &str, mut server: Server) {
        self.script(cluster, move |seen| server.answer(seen));
    }

    /// Puts any behaviour behind a cluster.
    pub(crate) fn script(&mut self, cluster: &str, script: impl FnMut(&Seen) -> Answer + 'static) {
        self.upstreams.insert(cluster.to_owned(), Box::new(script));
    }

    /// The same; what was there before.
    pub(crate) fn replace(
        &mut self,
        cluster: &str,
        script: impl FnMut(&Seen) -> Answer + 'static,
    ) -> Script {
        self.upstreams.insert(cluster.to_owned(), Box::new(script)).expect("a script")
    }

    /// The other behaviour from now on, for one method; everything else stays.
    pub(crate) fn script_method(
        &mut self,
        cluster: &str,
        method: &'static str,
        mut script: impl FnMut(&Seen) -> Answer + 'static,
    ) {
        let mut before = self.upstreams.remove(cluster).expect("a script");
        self.script(
            cluster,
            move |seen| {
                if seen.method() == method { script(seen) } else { before(seen) }
            },
        );
    }

    /// What an upstream does with a request that reaches it.
    pub(super) fn ask(&mut self, seen: &Seen) -> Answer {
        self.seen.push(seen.clone());
        self.upstreams.get_mut(&seen.cluster).map_or(Answer::NotSent, |script| script(seen))
    }

    /// Everything that reached a cluster with this JSON-RPC method.
    pub(crate) fn seen_by(&self, cluster: &str, method: &str) -> Vec<&Seen> {
        let seen = self.seen.iter();
        seen.filter(|seen| seen.cluster == cluster && seen.method() == method).collect()
    }
}
