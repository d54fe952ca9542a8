-- Reads the deliveries that tell of a message, newest first, from behind a score and id.
-- message, how many, state, sink, rule, since ('' or '-inf' for any), score and id of the last one before.
local base, message, limit = KEYS[1], ARGV[1], tonumber(ARGV[2])
local state, sink, rule, since = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local seen_score, seen_id = ARGV[7], ARGV[8]
local key, budget = base .. 't:' .. message, 2000
local highest = seen_score == '' and '+inf' or seen_score

-- When a delivery ended, which only its list knows.
local function ended(row, id)
  return redis.call('ZSCORE', base .. row[3] .. ':' .. row[1], id)
end

local out, n_found, skip = {}, 0, 0
while true do
  local page = redis.call('ZREVRANGEBYSCORE', key, highest, '-inf', 'WITHSCORES', 'LIMIT', skip, 100)
  if #page == 0 then return { 0, '', '', out } end
  for at = 1, #page, 2 do
    local id, score = page[at], page[at + 1]
    if not (seen_score ~= '' and score == highest and id >= seen_id) then
      if n_found == limit or budget == 0 then return { 1, seen_score, seen_id, out } end
      budget = budget - 1
      local row = redis.pcall('HMGET', base .. 'd:' .. id, 'k', 'r', 's', 'm', 'c', 'n', 'a', 'b', 'q', 'p')
      local is_wanted = row[1] and (state == '' or row[3] == state) and (sink == '' or row[1] == sink)
          and (rule == '' or row[2] == rule)
      local is_pending = row[3] == 'pending'
      if is_wanted and since ~= '-inf' then
        local changed = is_pending and (row[9] or row[5]) or ended(row, id) or '0'
        is_wanted = tonumber(changed) >= tonumber(since)
      end
      if is_wanted then
        local due = is_pending and redis.call('ZSCORE', base .. 'q:' .. row[10] .. ':' .. row[1], id) or ''
        for _, value in ipairs({ id, row[1], row[2], row[3], row[4], row[5], due, row[6] or '0',
          row[7] or '', row[8], row[9] or row[5] }) do
          out[#out + 1] = value
        end
        n_found = n_found + 1
      end
      seen_id = id
      if seen_score == '' or score ~= seen_score then seen_score = score end
    end
  end
  skip = skip + 100
end
