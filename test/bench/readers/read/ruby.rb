# Reader: Ruby's mail.
# Input: messages, each behind its length in four bytes. Output: for each a byte, 1 where it
# finds the test file in what it decodes.
require 'mail'

EICAR = ('X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-' + 'ANTIVIRUS-TEST-FILE!$H+H*').b
$VERBOSE = nil
$stderr.reopen('/dev/null')
$stdin.binmode
$stdout.binmode
$stdout.sync = true

def opens(raw, depth)
  return false if depth > 30
  mail = Mail.new(raw)
  ([mail] + mail.all_parts).any? do |part|
    next false if part.multipart? && !part.parts.empty?
    body = part.body.decoded.to_s.b
    body.include?(EICAR) || (part.mime_type.to_s.start_with?('message/') && opens(body, depth + 1))
  end
end

while (head = $stdin.read(4)) && head.bytesize == 4
  raw = $stdin.read(head.unpack1('N'))
  found = begin
    opens(raw, 0)
  rescue StandardError, SystemStackError
    false
  end
  $stdout.write(found ? "\x01" : "\x00")
end
