-- Begins the scripts that put deliveries into a queue, due at once.

-- Scores in the order of the calls, all of them before the millisecond that runs, and behind those of every
-- script before this one. A fraction does not make it look claimed: it is due.
local first_turn, n_turns = nil, 0
local function next_turn()
  if not first_turn then
    local time = redis.call('TIME')
    first_turn = time[1] * 1000 + time[2] / 1000 - 1
  end
  n_turns = n_turns + 1
  return string.format('%.17g', first_turn + n_turns / 4096)
end

