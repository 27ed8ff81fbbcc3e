"""What is done at the server in one step, in Lua: the checkpoint moves only for the shard's present owner.

A checkpoint is a hash: `epoch` of the owner, `next` record by the last commit, `written` up to which records are there
for sure, `records` and `bytes` as of the commit, `base` behind which the run's entries lie in a list or stream. Keys
are all declared. Scripts answer 1, or an error that begins with FENCED, GONE or MOVED.
"""

from __future__ import annotations

import hashlib

from sinks.dragonfly.config import OWN_PREFIX

_HELD = """
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return redis.error_reply('GONE the checkpoint is not there') end
if epoch ~= ARGV[1] then return redis.error_reply('FENCED by a later owner') end
"""

OPEN = """
local held = redis.call('HMGET', KEYS[1], 'epoch', 'next', 'written', 'records', 'bytes', 'base')
if held[1] and tonumber(held[1]) > tonumber(ARGV[1]) then return redis.error_reply('FENCED by a later owner') end
if not held[1] then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'next', ARGV[2], 'written', ARGV[2], 'records', '0', 'bytes', '0',
    'base', ARGV[3])
  return {ARGV[2], ARGV[2], '0', '0', ARGV[3]}
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
return {held[2], held[3], held[4], held[5], held[6]}
"""
"""Shut out earlier owners. Keys: checkpoint. Arguments: epoch, first record, base."""

GUARD = f"""{_HELD}
redis.call('HSET', KEYS[1], 'written', ARGV[2])
if ARGV[3] == '+' then return redis.status_reply('OK') end
return 1
"""
"""Go on only as the owner. Keys: checkpoint. Arguments: epoch, up to where all is written, form of the reply."""

COMMIT = f"""{_HELD}
redis.call('HSET', KEYS[1], 'next', ARGV[2], 'written', ARGV[3], 'records', ARGV[4], 'bytes', ARGV[5])
return 1
"""
"""Move the checkpoint. Keys: checkpoint. Arguments: epoch, next record, up to where all is written,
records, bytes."""

_MOVED = """
if redis.call('HGET', KEYS[1], 'written') ~= ARGV[2] then
  return redis.error_reply('MOVED by somebody else of this epoch')
end
"""

PUSH = f"""{_HELD}{_MOVED}
local unpack = unpack or table.unpack
local expected, count = tonumber(ARGV[4]), #ARGV - 4
local there = redis.call('LLEN', KEYS[2]) - expected
if there < 0 or there > count then return redis.error_reply('MOVED the list has another length') end
if there > 0 then
  local found = redis.call('LRANGE', KEYS[2], expected, expected + there - 1)
  for j = 1, there do
    if found[j] ~= ARGV[4 + j] then return redis.error_reply('MOVED the list has other elements') end
  end
end
if there < count then
  local done = redis.pcall('RPUSH', KEYS[2], unpack(ARGV, 5 + there, #ARGV))
  if type(done) == 'table' and done.err then return done end
end
redis.call('HSET', KEYS[1], 'written', ARGV[3])
return 1
"""
"""Add values to a list that is as long as it must be. Keys: checkpoint, list. Arguments: epoch, written before and
behind, length before, then the values. Values that are there already, since the server broke off, are left."""

ADD = f"""{_HELD}{_MOVED}
local unpack = unpack or table.unpack
local at, entry = 6, 0
while at <= #ARGV do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  local key = KEYS[2 + entry] or KEYS[2]
  local done
  if ARGV[4] == '' then
    done = redis.pcall('XADD', key, id, unpack(ARGV, at + 2, at + 1 + count))
  else
    done = redis.pcall('XADD', key, 'MAXLEN', '~', ARGV[4], id, unpack(ARGV, at + 2, at + 1 + count))
  end
  if type(done) == 'table' and done.err then
    local found = redis.pcall('XRANGE', key, id, id)
    if type(found) ~= 'table' or found.err or #found == 0 then
      local number = tonumber(string.match(id, '^%d+')) + tonumber(ARGV[5])
      redis.pcall('HSET', KEYS[1], 'written', string.format('%.0f', number))
      return done
    end
  end
  at, entry = at + 2 + count, entry + 1
end
redis.call('HSET', KEYS[1], 'written', ARGV[3])
return 1
"""
"""Add entries to streams, in order, up to the first that fails. Keys: checkpoint, then the stream, or one for each
entry. Arguments: epoch, written before and behind, how many to keep or "", what makes an id's number that of its
record, then for each entry its id, number of words, and words. An entry that is there already is left."""

PREPARE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
redis.call('HSET', KEYS[1], 'base', ARGV[2])
redis.call('HSET', KEYS[2], 'run', ARGV[1], 'shards', ARGV[3])
return 1
"""
"""The place is ready for a run. Keys: mark of the run, mark of the owner. Arguments: run, base, number of shards."""

REMOVE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return -1 end
local gone = 0
for j = 2, #KEYS do gone = gone + redis.call('UNLINK', KEYS[j]) end
return gone
"""
"""Remove keys, as long as the place is not ready for the run. Keys: mark of the run, then those to remove."""


def checkpoint_key(run_id: str, shard: int) -> str:
    """Where a shard's checkpoint is."""
    return f"{OWN_PREFIX}{run_id}:{shard}"


def run_key(run_id: str) -> str:
    """The mark of a run for which the place is ready."""
    return f"{OWN_PREFIX}{run_id}"


def owner_key(owner: str, key_template: str) -> str:
    """The mark of whoever has written to a place: which run, and how many shards it had."""
    parts = (owner.encode(), key_template.encode())
    return f"{OWN_PREFIX}owner:{hashlib.blake2b(b'/'.join(parts), digest_size=16).hexdigest()}"
