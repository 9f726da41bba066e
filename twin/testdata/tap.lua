-- every request another band, half of them with UTM parameters
local n = 0
request = function()
  n = n + 1
  local band = string.format("LOADTEST-E%d-%06d", n % 3 + 1, (n * 7919) % 200000 + 1)
  local path = "/e?bandId=" .. band
  if n % 2 == 0 then path = path .. "&utm_source=wristband&utm_medium=nfc&utm_campaign=loadtest" end
  return wrk.format("GET", path)
end
