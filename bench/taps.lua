-- The same taps for wrk: a random band of three events, UTM parameters on half. The request is put together by hand,
-- as wrk.format would cost wrk more than sending it does.
local random = math.random
local prefixes = { "LOADTEST-E1-", "LOADTEST-E2-", "LOADTEST-E3-" }
local utm = "&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest"
local head, tail = "GET /e?bandId="

function init()
  math.randomseed(os.time())
  tail = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\n\r\n"
end

function request()
  local band = string.format("%s%06d", prefixes[random(3)], random(200000))
  if random(2) == 1 then
    return head .. band .. utm .. tail
  end
  return head .. band .. tail
end
