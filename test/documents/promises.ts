/**
 * What doc/security.md and pages of doc/development promise, by their chapters, each under the word
 * by which tests name it: a line `// promise: WORD, WORD` above a test shows which promises that test shows. For the rules
 * for root the promise is an attempt that gets nothing; in brackets stands what it got once.
 */
export const promises: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'The sender': {
    'no-edit-virus': 'No virus is put together by our own edit, and no forged X-QHPSI is trusted',
    'scanned-is-queued': 'Mail is not scanned as something else than is queued',
    depth: 'Mail cannot hide in depth',
    'stamp-stays': 'A stamp does not move to another message',
    'no-accident-clean': 'No accident is called clean',
    'words-forge-nothing': 'His words forge no log line, reply or quarantine id',
    'memory-and-time': 'He cannot take all of the memory, or the time of the mail server',
    'others-unharmed': "Others' mail beside his is not harmed",
  },
  'A clamd client': {
    'bytes-as-sent': 'The bytes that a client sends are scanned as it sent them',
    'found-is-found': 'What clamd finds in them is reported, by its name',
    'vouches-for-mail': 'No stamp or release of a mail lets the same bytes pass as a file',
    'verdict-by-bytes': 'A cached verdict is that of the same bytes',
    'no-recipients': 'A release for one person lets in no mail whose recipients are unknown',
    'limits-of-mail': 'A limit of the second look refuses mail, and no other file',
  },
  'A local user': {
    'signs-what-it-scanned': 'The daemon signs no mail that it did not scan',
    'files-that-never-close': 'From Linux 6.16 on he stops no worker by a file that never closes',
    'stopped-worker': 'A worker that he stops so is replaced',
    'keys-unread': 'He cannot read the keys, or have a keyring used that others can change',
    'quotad-links': 'onescan-quotad looks behind no link',
    'log-unread': "He cannot read the log of others' mail, or put links where root makes files",
  },
  'A compromised program': {
    'bad-scanner': 'A scanner',
    'bad-onescand': 'onescand',
    'bad-smtpd-or-quotad': 'qmail-smtpd and onescan-quotad',
    'bad-quota-service': 'A quota service',
  },
  'Other attackers': {
    spool: 'He cannot change what is queued or scanned',
    'verdict-forged': 'He cannot forge a verdict, or give one message that of another',
    'store-answers': 'No answer of his takes memory, time or the log',
    'page-read-only': 'He can change nothing, and asks through no browser',
    'page-open': 'He keeps nobody out',
    'page-addresses': 'Addresses that are hidden stay hidden',
    'page-text': 'Words of strangers are text, and forge nothing',
    'stamp-cover': 'He cannot make a stamp, or change what a stamp covers',
    'stamp-young': 'A stamp is young, made for this message, and of known keys',
    'cluster-only': 'Only hosts of the cluster are trusted, and weak keys are reported',
    'key-limits': 'A key is limited to its scheme and its last day',
    'key-release': 'Only a marked key releases mail, for the recipients that are named',
    'key-bans': 'It never vouches for bans or another scanner',
  },
  'The rules for root': {
    'root-clamav-directory':
      "A link or FIFO in /run/clamav, where clamd's run script writes its settings (once: root, any file overwritten)",
    'root-envdir-program': 'scan --envdir with a QHPSI or plugin of his (once: root)',
    'root-envdir-secret':
      'quota --envdir with QUOTALDAPPASSWORD=/etc/shadow (once: any file that root reads)',
    'root-tcpserver-name':
      'A process that is called tcpserver, with settings of his (once: what root reads)',
    'root-taken-port':
      "The milter's port while onescand restarts; that of the policy service, the page, onescan-quotad (once: all mail)",
    'root-kmsg': 'A link to /proc/kmsg where the removal looks (once: dpkg -r waits for ever)',
    'root-package-json': 'A FIFO as package.json in /tmp (once: every command hangs)',
    'root-process-name': 'exec -a onescand sleep 30 (once: "all is well")',
    'root-many-files': '400,000 files in SPOOLDIR or /tmp (once: a second a message)',
    'root-endless-files':
      'A test that is stopped; devices behind a link; CLUSTERKEYS=/proc/self/pagemap; sparse files (once: waits, memory)',
    'root-signs-of-life':
      'A service that gives signs of life for ever (once: check and quarantine wait), fills the screen, or reports no problem as if root had seen that',
    'root-quarantine-session':
      'Tracing onescan quarantine list, or typing at its terminal (once: root, the keys)',
    'root-terminal':
      'Escapes and invisible characters in a name, or in what an account prints (once: a terminal that shows something else)',
    'root-directory-exchange':
      "A log directory that is exchanged for a link while its run script gives files to another account; the directory of sockets below Postfix's queue (once: owner of /etc/shadow)",
    'root-access-list': 'setfacl -m u:mallory:rw on a file of root:root (once: root)',
    'root-sweep':
      'A directory in SPOOLDIR with the name of a file of ours, exchanged for a link (once: the only copy of mail in quarantine deleted)',
    'root-secrets':
      "Waiting for RESTIC_PASSWORD, PGPASSWORD in the tests of check (once: root's passwords)",
    'root-runs-nothing': 'Root runs nothing of his, and he cannot type at its terminal',
    'root-removal': 'Removal and installation print what they leave',
    'root-paths': 'Root follows no path of his, and does not wait for it',
  },
  'Why no mail is lost': {
    'only-chain-accepts': 'Only the end of the chain accepts mail',
    'step-1-start': '1. Start: wrong settings defer mail',
    'step-quota-only': 'Without scanners and with QUOTAD the message passes as it is',
    'step-2-receive':
      '2. Receive: nothing is scanned or queued before message and envelope are whole',
    'step-3-judge': '3. Judge: a scanner that fails changes no mail, and leaves at most one file',
    'step-4-refuse': '4. Refuse, defer or drop: the sender is informed what is wrong',
    'step-5-edit': '5. Edit: the new header stands before the body, and the next program is there',
    'step-6-put': '6. Put in place: what was received is handed on',
    'step-7-become': '7. Become the next program: it fails for itself',
    'client-memory-limit': 'At the limit of memory no mail passes that was to be refused',
    'client-half-answer': 'No half answer counts, and none that makes no sense',
    'client-drop': "Mail is dropped only by the client's own wish",
    'client-standalone': 'The client goes standalone, or defers',
  },
  'What can be lost or delivered twice': {
    'log-waits': 'Mail waits a second at most for a log',
  },
  'The rules for content scanners': {
    'rule-1-interface': '1. Stay behind a stable external interface',
    'rule-2-move': '2. Do not move queue files',
    'rule-3-modify': '3. Do not modify queue files',
    'rule-4-locks': "4. Honor the queue's locks",
    'rule-5-crash': '5. Do nothing that must be undone after a crash',
    'rule-6-acknowledge': '6. Never acknowledge what the next program has not taken',
    'rule-7-temporary': '7. Failures of the scanner are temporary',
    'rule-8-not-clean': '8. Unknown is not clean',
    'rule-9-forged-senders': '9. Send nothing back to forged senders',
    'rule-10-loops': '10. Make no loops',
    'rule-11-recipients': '11. Deliver to the recipients of the envelope, and to no others',
    'rule-12-content': '12. Leave the content as it is',
    'rule-13-relay': '13. Do not open a relay',
    'rule-14-smuggling': '14. Let one message be one message (SMTP smuggling)',
    'rule-15-account': '15. Handle dangerous content by an account of its own',
    'rule-16-limits': '16. Limit time, memory and number',
    'rule-17-outside': '17. Let nothing from outside reach a shell, a reply or a log',
    'rule-18-switch': '18. Have a switch',
    'proxy-commands':
      'SMTPD_PROXY_README: Postfix speaks ESMTP to the filter, without pipelining, with its own EHLO, XFORWARD, DATA and QUIT, and no other commands',
    'proxy-xforward':
      "SMTPD_PROXY_README: XFORWARD is for the client's address instead of localhost in logs",
    'proxy-syntax':
      'SMTPD_PROXY_README: the filter accepts the same syntax of MAIL and RCPT as Postfix does, and forwards them without modification',
    'proxy-features':
      'SMTPD_PROXY_README: features that the filter or the server behind lacks are turned off in front, by smtpd_discard_ehlo_keywords',
    'proxy-reject':
      'SMTPD_PROXY_README: if the filter rejects content, it answers with a negative reply, and breaks off with the server behind without completing the conversation',
    'proxy-accept':
      'SMTPD_PROXY_README: if it accepts content, it forwards it, and answers with the reply of the server behind',
    'proxy-change':
      'SMTPD_PROXY_README: it may change content or destination, discard, or quarantine',
    'proxy-no-filter':
      'SMTPD_PROXY_README: the service behind has no smtpd_proxy_filter of its own',
    'proxy-away': 'SMTPD_PROXY_README: while the filter is away, the client is asked to try again',
    'proxy-speed-adjust':
      'SMTPD_PROXY_README: with speed_adjust Postfix has the whole message before it connects to the filter; each message has a verdict of its own',
  },
}
