-- Reads deliveries, newest first in each list, from behind a list, score and id; lists are ordered by name.
-- How many, state, sink, list, score, id, rule, since, how many to look at.
local base = KEYS[1]
local limit, state, sink = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local from_list, from_score, from_id = ARGV[4], ARGV[5], ARGV[6]
local rule, since, budget = ARGV[7], ARGV[8], tonumber(ARGV[9])
-- Pending ones stand in the order of their next attempt; by their age they stand in another list.
local pending = since == '-inf' and 'q:' or 'a:'
local is_noted = rule ~= '' and redis.call('HGET', base .. 'i', 'deliveries')
local lists = {}
for _, name in ipairs(redis.call('SMEMBERS', base .. 'sinks')) do
  -- A sink that never had any of that rule has none to look at.
  local has_rule = not is_noted or redis.call('HGET', base .. 'r:' .. name, rule)
  if (sink == '' or sink == name) and has_rule then
    if state == '' or state == 'pending' then
      lists[#lists + 1] = pending .. '0:' .. name
      lists[#lists + 1] = pending .. '1:' .. name
      -- Those that were left to a later version.
      lists[#lists + 1] = 'v:0:' .. name
      lists[#lists + 1] = 'v:1:' .. name
    end
    for _, ended in ipairs({ 'delivered', 'dead', 'suppressed' }) do
      if state == '' or state == ended then lists[#lists + 1] = ended .. ':' .. name end
    end
  end
end
table.sort(lists)

-- Reads a delivery of the rule that is wanted; of the others only their rule.
local function read(id)
  local key = base .. 'd:' .. id
  if rule ~= '' and redis.pcall('HGET', key, 'r') ~= rule then return nil end
  -- In a key of another type nothing can be read.
  local row = redis.pcall('HMGET', key, 'k', 'r', 's', 'm', 'c', 'n', 'a', 'b', 'q')
  return not row.err and row[1] and row
end

local out, n_found = {}, 0
for _, list in ipairs(lists) do
  if list >= from_list then
    local is_pending = list:sub(1, 2) == pending
    local queue = base .. 'q:' .. list:sub(3)
    local is_left = list:sub(1, 2) == 'v:'
    local highest, below = '+inf', nil
    if list == from_list and from_score ~= '' then highest, below = from_score, from_id end
    local skip = 0
    while true do
      local page = redis.call('ZREVRANGEBYSCORE', base .. list, highest, is_left and '-inf' or since,
        'WITHSCORES', 'LIMIT', skip, 200)
      if #page == 0 then break end
      skip = skip + 200
      for at = 1, #page, 2 do
        local id, score = page[at], page[at + 1]
        if not (below and score == highest and id >= below) then
          if n_found == limit or budget == 0 then
            return { 1, list, from_score, from_id, out, budget }
          end
          budget = budget - 1
          local row = read(id)
          -- What was left stands in the order in which it was.
          if row and is_left and since ~= '-inf'
              and (tonumber(row[9] or row[5]) or 0) < tonumber(since) then
            row = nil
          end
          local due = row and is_pending and redis.call('ZSCORE', queue, id) or ''
          -- A step that Redis broke off may have left some that are not queued any more.
          if row and (due ~= '' or not is_pending) then
            for _, value in ipairs({ id, row[1], row[2], row[3], row[4], row[5],
              due, row[6] or '0', row[7] or '', row[8], row[9] or row[5] }) do
              out[#out + 1] = value
            end
            n_found = n_found + 1
          end
          from_score, from_id = score, id
        end
      end
    end
    from_score, from_id = '', ''
  end
end
return { 0, '', '', '', out, budget }
