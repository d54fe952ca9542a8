-- Gives back what a claim took whose answer was lost; one that has not arrived yet takes nothing then.
-- sink, priority, who claimed, the claim's number, for how many milliseconds it may still arrive.
local base, sink, priority, number = KEYS[1], ARGV[1], ARGV[2], ARGV[4]
local claimer = base .. 'c:' .. ARGV[3] .. ':' .. priority .. ':' .. sink
local queue, ages = base .. 'q:' .. priority .. ':' .. sink, base .. 'a:' .. priority .. ':' .. sink
local last, score = (redis.call('GET', claimer) or '0'):match('^(%d+) ?(.*)$')
if tonumber(last) > tonumber(number) then return 0 end
local given_back = 0
if last == number and score ~= '' then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue, score, score)) do
    local queued = redis.call('ZSCORE', ages, id)
    if queued then
      given_back = given_back + 1
      redis.call('ZADD', queue, string.format('%.17g', queued - 1 + given_back / 4096), id)
    end
  end
end
redis.call('SET', claimer, number, 'PX', ARGV[5])
return given_back
