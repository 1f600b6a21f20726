import t from 'tap'
import {
  complaintIn,
  remedyOfDelay,
  remedyOfReply,
} from '../../../../../src/scanner/cli/check/test-mail/complaints.ts'

/** What is quoted as the cause of a failure: what mail servers log about themselves, and nothing about other hosts. */

const postfix = (words: string, program = 'smtpd') =>
  `2026-11-30T19:00:00.123456+0000 mx postfix/${program}[477]: ${words}`
const exim = (words: string) => `2026-11-30 19:00:00 1xW3Fj-00000000A1b-19cD ${words}`

const complaints = [
  [postfix('warning: mail_queue_enter: create file incoming/1.477: Permission denied'), /^postfix set-permissions; /],
  [postfix('warning: connect #1 to subsystem public/cleanup: Permission denied'), /^postfix set-permissions; /],
  [postfix('fatal: master_spawn: exec /usr/lib/postfix/sbin/cleanup: Permission denied', 'master'), /^postfix set-permissions; /],
  [postfix('warning: unknown smtpd restriction: "nonsense"'), /^remove what this line names /],
  [postfix('error: unsupported dictionary type: pcre'), /^install the package with this type of table/],
  [postfix('warning: hash:/etc/postfix/access is unavailable. open database /etc/postfix/access.db: No such file or directory'), /^run postmap \(for aliases newaliases\) /],
  [postfix('fatal: write queue file 4A1: No space left on device', 'cleanup'), /^free space: df -h and df -i /],
  [postfix('warning: close 4A1: File too large', 'cleanup'), /^remove LimitFSIZE= /],
  [postfix('fatal: bad numerical configuration: x = y'), /^correct what this line names, /],
  [postfix('warning: process /usr/lib/postfix/sbin/cleanup pid 9 exit status 1', 'master'), /^postfix set-permissions; .* corrects what keeps it from being started; if it ends again, /],
  [postfix('warning: error opening chain file: /x.pem: No such file or directory'), /^give Postfix a certificate /],
  [postfix('warning: connect to Milter service unix:onescan/milter.sock: Permission denied'), /^run onescan check, /],
  ['mx sm-mta[7]: 5APA01: Milter (onescan): error connecting to filter: Permission denied', /^run onescan check, /],
  ['mx sm-mta[7]: 5APA01: SYSERR(root): hash map "access": Cannot open hash database /etc/mail/access.db: Invalid argument', /^run touch .*, then make -C \/etc\/mail/],
  ['mx sm-mta[7]: 5APA01: SYSERR(root): queueup: cannot create queue file ./qf5APA01: Permission denied', /owner or the mode of that path/],
  [exim('malware acl condition: clamd 127.0.0.1 : unable to connect'), /^run onescan check, /],
  [exim('malware acl condition: error while creating mbox spool file'), /owner or the mode of that path/],
  [exim('Failed to create spool file /var/spool/exim4//input//1xW-D: Permission denied'), /owner or the mode of that path/],
  ['mx dovecot: lmtp(you@example.org)<7><x>: Error: mkdir(/var/vmail/x) failed: Permission denied', /systemctl restart dovecot$/],
  ['@4000000069 tcpserver: fatal: unable to bind: address already used', /^ss -ltnp lists /],
] as const // biome-ignore format: a table

for (const [line, remedy] of complaints) t.match(complaintIn(line)?.remedy, remedy, line)

const others = [
  postfix('connect to mx.example.net[192.0.2.1]:25: Connection refused', 'smtp'),
  postfix('4A1: to=<x@example.net>, relay=none, status=deferred (connect to mx: Permission denied)', 'smtp'),
  postfix('lost connection after EHLO from unknown[192.0.2.1]'),
  postfix('warning: hostname x.example.net does not resolve to address 192.0.2.1: Name or service not known'),
  postfix('warning: non-SMTP command from unknown[192.0.2.1]: /etc: Permission denied'),
  postfix('warning: non-SMTP command from unknown[2001:db8::1]: /etc: No space left on device'),
  postfix('NOQUEUE: reject: RCPT from x[192.0.2.1]: 554 5.7.1 spam: Permission denied'),
  postfix('warning: dnsblog_query: lookup error for DNS query x[192.0.2.1]'),
  exim('<= a@example.net H=x [192.0.2.1] T="no space left on device"'),
  exim('** x@example.net R=r T=t: Permission denied'),
  exim('H=(x) [192.0.2.1] rejected MAIL: Permission denied'),
  'mx sm-mta[7]: 5A1: SYSERR(root): collect: I/O error on connection from x, from=<a@example.net>',
  'mx cron[7]: warning: x: Permission denied',
] // biome-ignore format: a table

for (const line of others) t.equal(complaintIn(line), undefined, line)

t.match(remedyOfDelay('status=deferred (cannot update mailbox /var/mail/you: unable to create lock file: Permission denied)'), /owner or the mode/) // biome-ignore format: a line
t.match(remedyOfDelay('== you@example.org R=local_user T=mail_spool defer (13): Permission denied: creating lock file hitching post /var/mail/you.lock.mx.1 (euid=1000 egid=8)'), /^correct the owner or the mode of that path or of its directory \(namei -l \/var\/mail\/you\.lock/) // biome-ignore format: a line
t.match(remedyOfDelay('status=deferred (deferred transport)'), /^remove this transport from defer_transports/) // biome-ignore format: a line
t.match(remedyOfDelay('== you@example.org R=dnslookup defer (-1): host lookup did not complete'), /dc_other_hostnames/) // biome-ignore format: a line
t.equal(remedyOfDelay('status=deferred (host mx[192.0.2.1] said: 451 No space left on device)'), undefined) // biome-ignore format: a line
t.equal(remedyOfDelay('status=deferred (connect to 127.0.0.1[127.0.0.1]:10025: Connection refused)'), undefined) // biome-ignore format: a line

t.match(complaintIn(postfix('fatal: x'))?.isEnd, true)
t.equal(
  complaintIn(postfix('fatal: ann(1000): open /x: Permission denied', 'sendmail'))?.isEnd,
  false,
)
t.equal(complaintIn(postfix('warning: x: Permission denied'))?.text, 'postfix/smtpd: warning: x: Permission denied') // biome-ignore format: a line

const replies = [
  ['450 4.1.8 <ann@example.org>: Sender address rejected: Domain not found', /^find out with getent ahosts /],
  ['451 4.1.8 Domain of sender address ann@example.org does not resolve', /^find out with getent ahosts /],
  ['552 5.3.4 Error: message file too big', /^raise the size limit of the mail server: message_size_limit/],
  ['552 5.2.3 Message is too large; 25 bytes max', /^raise the size limit /],
  ['552 Message size exceeds maximum permitted', /^raise the size limit /],
  ['552 sorry, that message size exceeds my databytes limit (#5.3.4)', /^raise the size limit /],
  ['452 4.3.1 Insufficient system storage', /^free space on the file system of the queue /],
  ['452 space shortage, please try later', /^free space on the file system of the queue /],
  ['452 4.4.5 Insufficient disk space; try again later', /^free space on the file system of the queue /],
  ['421 4.7.0 mx Error: too many connections from 127.0.0.1', /^run this check again when fewer clients /],
  ['421 mx: Too many concurrent SMTP connections; please try again later.', /^run this check again when fewer clients /],
] as const // biome-ignore format: a table

for (const [reply, remedy] of replies) t.match(remedyOfReply(reply), remedy, reply)

for (const reply of ['451 4.7.1 Service unavailable', '550 5.7.1 Message content rejected', '451 4.3.0 Temporary lookup failure'])
  t.equal(remedyOfReply(reply), undefined, reply) // biome-ignore format: a line
