//! One call of one script, put together without a copy of every argument.

use redis::{
    Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Script, ServerErrorKind, ToRedisArgs,
};

use crate::connection::Link;

/// A call of a script on one shard.
pub(crate) struct Call<'a> {
    script: &'a Script,
    command: Cmd,
}

impl<'a> Call<'a> {
    /// A call without arguments; `base` is what all keys of the shard begin with.
    pub(crate) fn new(script: &'a Script, base: &str) -> Self {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(1).arg(base);
        Self { script, command }
    }

    pub(crate) fn arg<T: ToRedisArgs>(&mut self, argument: T) -> &mut Self {
        self.command.arg(argument);
        self
    }

    /// Calls the script, after loading it where Redis does not know it.
    pub(crate) async fn invoke<T: FromRedisValue>(&self, connection: &mut Link) -> RedisResult<T> {
        match self.command.query_async(connection).await {
            Err(error) if is_unknown_script(&error) => {
                self.script.load_async(connection).await?;
                self.command.query_async(connection).await
            }
            answer => answer,
        }
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
