# Reader: Ruby's mail.
# Input: messages, each behind its length in four bytes. Output: for each a byte, 1 where it
# opens a file: SIGNS (readers.ts) has the signs of it.
require 'mail'

SIGNS = File.readlines(ENV.fetch('SIGNS')).map(&:split).map { |kind, hex| [kind, [hex].pack('H*')] }
$VERBOSE = nil
$stderr.reopen('/dev/null')
$stdin.binmode
$stdout.binmode
$stdout.sync = true

def holds(file)
  SIGNS.any? { |kind, sign| kind == 'is' ? file == sign : file.include?(sign) }
end

def opens(raw, depth)
  return false if depth > 30
  mail = Mail.new(raw)
  ([mail] + mail.all_parts).any? do |part|
    next false if part.multipart? && !part.parts.empty?
    body = part.body.decoded.to_s.b
    holds(body) || (part.mime_type.to_s.start_with?('message/') && opens(body, depth + 1))
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
