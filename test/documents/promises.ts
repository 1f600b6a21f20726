// biome-ignore-all lint/suspicious/noTemplateCurlyInString: titles as the files of tests have them.

/**
 * What doc/security.md promises, and the tests that show it: chapter of that page, promise, file,
 * titles. For the rules for root the promise is an attempt that gets nothing; in brackets stands what
 * it got once.
 */
export const promises: Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>>
> = {
  'The sender': {
    'No virus is put together by our own edit, and no forged X-QHPSI is trusted': {
      'test/second-reader/doors.test.ts': [
        'no door lets pass what once carried a virus or a forged tag past it',
        'tags of the slot socket are true, and mail that was not scanned has none',
        'tags of the milter are true, and mail that was not scanned has none',
      ],
      'test/cases/tagging.ts': [
        'mail with more than sixteen forged fields is refused before anything is edited',
        'mail that is too small or large to be scanned loses a forged field all the same',
      ],
      'test/message/well-formed.test.ts': [
        'a header that mail programs read differently is not well formed',
      ],
      'test/message/clear-header.test.ts': [
        'a field cannot be removed if some readers take its place for the body',
      ],
    },
    'Mail is not scanned as something else than is queued': {
      'test/second-reader/doors.test.ts': [
        'mail through the slot itself is what others read in it',
        'mail through the slot socket is what others read in it',
        'mail through the milter is what others read in it',
      ],
      'test/cases/tagging.ts': [
        'scanners see a first field that the sender cannot choose',
        'scanners see the message without the removed fields, as it will be queued',
      ],
    },
    'Mail cannot hide in depth': {
      'test/cases/nesting.ts': [
        'a message of twenty multiparts is refused, and no scanner is asked',
        'a message of twenty attached messages is refused, and no scanner is asked',
      ],
    },
    'A stamp does not move to another message': {
      'test/cluster/pairs.test.ts': [
        'a stamp breaks if a byte of a bound field or of the body is changed, added or removed',
        'a stamp binds each blank in a quoted boundary',
        'a stamp breaks if bound fields change their order',
        'no stamp holds for a message whose line ends differ',
      ],
    },
    'No accident is called clean': {
      'test/scan/clamd/clamd-reply.test.ts': ['only the exact words are clean'],
      'test/cases/qhpsi.ts': ['a message that could not be scanned is deferred'],
    },
    'His words forge no log line, reply or quarantine id': {
      'test/cases/qhpsi.ts': ['hostile recipients cannot break out of X-Quarantine-ID'],
      'test/doors/slot/contract.test.ts': [
        'every way out is one log line, whatever a client sends',
      ],
      'test/doors/slot/log.test.ts': [
        "in the system's log a line of full length is one, and none begins with words of a stranger",
      ],
      'test/doors/milter/wire/replies.test.ts': [
        'a reply cannot forge a line, and its percent signs are doubled',
      ],
    },
    'He cannot take all of the memory, or the time of the mail server': {
      'test/doors/milter/bad-input.test.ts': [
        'a message with 5,000 header fields is scanned, and with more refused',
        'a message with recipients without end is deferred',
      ],
      'test/doors/milter/attacks.test.ts': [
        'a thousand silent connections keep new ones out for ten seconds at most',
        '990 unfinished packets of 1 MB take no more memory than there is',
      ],
      'test/doors/milter/wire/packets.test.ts': ['a length that is only claimed costs no memory'],
      'test/doors/slot-socket/conversation.test.ts': [
        'a thousand connections that say nothing keep nobody out',
      ],
    },
    "Others' mail beside his is not harmed": {
      'test/verdicts/verdicts.test.ts': [
        'if a client leaves, or gives no time, no other copy is deferred for it',
        'a message that no two readers read alike is withheld, too, if it kills scanners',
        'other mail that was scanned when such a message killed is not withheld or deferred',
      ],
      'test/load/node.test.ts': [
        'under load, on Node with its turns out of order, stamps fit and verdicts are true',
      ],
      'test/load/compiled.test.ts': ['under load, compiled, stamps fit and verdicts are true'],
      'test/message/received.test.ts': [
        'messages that are read at the same time do not share a buffer',
      ],
      'test/doors/milter/session.test.ts': [
        'several messages on a connection have verdicts of their own',
      ],
      'test/scan/file-plugin/pool-faults.test.ts': [
        'the answer of an earlier message, repeated, is no answer',
      ],
    },
  },
  'A local user': {
    'The daemon signs no mail that it did not scan': {
      'test/doors/slot-socket/trust.test.ts': [
        'a client that asks for ${what} goes cold, and nothing is signed',
      ],
      'test/doors/slot-socket/descriptors.test.ts': [
        'a descriptor that comes with a question is not taken',
      ],
    },
    'From Linux 6.16 on he stops no worker by a file that never closes': {
      'test/doors/daemon/descriptors.test.ts': [
        '${name}: no descriptor of a client stops a worker, or the end of onescand',
        '${name}: a connection from before the start passes none, once it is accepted',
      ],
    },
    'A worker that he stops so is replaced': {
      'test/doors/daemon/descriptors.test.ts': [
        '${name}: what such a client has passed before stops no mail, and no end',
      ],
      'test/doors/daemon/workers/workers.test.ts': [
        'a worker that was killed and is not gone is replaced, and nobody waits for it',
      ],
    },
    'He cannot read the keys, or have a keyring used that others can change': {
      'test/cluster/keyring.test.ts': [
        'a keyring that others may read or change is refused, with the remedy',
      ],
      'test/doors/slot/faults.test.ts': [
        'with a keyring that this user may not read mail is scanned without stamps, and the log says so',
      ],
    },
    'onescan-quotad looks behind no link': {
      'test/quota/tell/sources/links.test.ts': [
        'while links and directories are exchanged, no answer tells what a link leads to',
      ],
      'test/quota/tell/start.test.ts': [
        'with more than CAP_DAC_READ_SEARCH the service does not start',
      ],
    },
    "He cannot read the log of others' mail, or put links where root makes files": {
      'test/doors/slot/log.test.ts': ['below qmail-local the report of the delivery stays empty'],
      'test/packaging/units.test.ts': ['root makes files only where nobody else may put a link'],
    },
  },
  'A writer to the spool': {
    'He cannot change what is queued or scanned': {
      'test/doors/slot/faults.test.ts': [
        'a scanner that takes the file away, or writes to it, changes no mail',
        'a SPOOLDIR whose files others may replace is not used, and the log says so',
        'if the file in SPOOLDIR is exchanged during the scan, the slot ends with 54',
        'with a full SPOOLDIR the slot ends with 53',
      ],
      'test/message/named-copy.test.ts': ['a file for scanners is private if there is no SPOOLDIR'],
    },
  },
  'A program that was taken over': {
    'A scanner': {
      'test/doors/slot/faults.test.ts': [
        'a scanner does not see where the keys are, nor QMAILQUEUE',
        'a scanner cannot forge a log line',
        'a scanner that hangs is killed with all its children, and mail deferred with 71',
      ],
      'test/scan/file-plugin/pool-faults.test.ts': [
        '${what}, left behind by one message, concerns no other',
      ],
      'test/doors/daemon/same-user.test.ts': [
        '${name}, a plugin opens neither memory nor environment of onescand',
      ],
      'test/scan/file-plugin/limits.test.ts': [
        'a process has 1 GiB, and 300 seconds more processor time than SCANTIMEOUT',
      ],
      'test/doors/daemon/process.test.ts': ['scanners do not inherit the listening sockets'],
    },
    onescand: {
      'test/c/onescanc/answers.test.ts': [
        '${name} goes cold for an invalid answer, with the mail as it came',
        'end: 0 is obeyed only if the client itself was told to drop mail',
      ],
      'test/c/onescanc/invalid-answers.test.ts': [
        'an answer that is no answer counts for nothing',
        'end: exactly the codes of the document',
      ],
      'test/packaging/units.test.ts': [
        'systemd-analyze security rates the services 1.2 and 0.7 at most',
        'no two services run as one user',
      ],
    },
    'qmail-smtpd and onescan-quotad': {
      'test/packaging/states.test.ts': [
        'accounts that ask onescand have no keys, and those with keys need not ask',
        'an account that was taken out of a group stays out',
      ],
      'test/packaging/units.test.ts': [
        'root makes files only where nobody else may put a link',
        'only the first process of a service may send its state to systemd',
      ],
      'test/doors/daemon/process.test.ts': [
        'as root onescand makes no socket where somebody else could put a link',
      ],
    },
    'A quota service': {
      'test/quota/ask/udp.test.ts': [
        'a datagram from another socket to the port of a question is ignored',
      ],
      'test/quota/ask/udp-load.test.ts': [
        'none of thousands of questions, many answered twice and late, gets the answer to another',
      ],
    },
  },
  'A writer to the store of verdicts': {
    'He cannot forge a verdict, or give one message that of another': {
      'test/doors/slot-socket/shared-verdicts.test.ts': [
        'a program that can write to the store cannot forge a verdict',
      ],
      'test/verdicts/store/seal.test.ts': [
        'no byte of a sealed verdict can be changed, added or removed',
        'the verdict about one message does not open for another',
      ],
      'test/verdicts/copies/fingerprint.test.ts': [
        'two messages share a fingerprint if, and only if, they are copies',
        'the fields that are left out are too short to make a scanner stop reading',
      ],
    },
    'No answer of his takes memory, time or the log': {
      'test/verdicts/store/shared-store.test.ts': [
        'a value that is too large, or none of a string, is not taken in',
        '${kind} that claims more than there is takes no memory for it',
        'what a server says of its trouble is told in a short line',
        'a store that hangs costs three messages their time, and the next ones nothing',
      ],
    },
  },
  'A visitor of the page': {
    'He can change nothing, and asks through no browser': {
      'test/doors/http/access.test.ts': [
        'a request for another name that leads to this address is refused',
        'addresses that other hosts reach need a token, which each request must give',
      ],
    },
    'He keeps nobody out': {
      'test/doors/http/access.test.ts': [
        'a thousand idle connections and slow clients keep nobody out',
        'a client that asks on without waiting for answers is hung up on',
      ],
    },
    'Addresses that are hidden stay hidden': {
      'test/doors/http/access.test.ts': [
        'addresses are hidden',
        'no Message-ID brings a hidden address to the page',
      ],
    },
    'Words of strangers are text, and forge nothing': {
      'test/observe/live/metrics.test.ts': ['labels are bounded whatever the log holds'],
      'test/doors/http/page.test.ts': ['the page shows as text what strangers have written'],
      'test/observe/log/read-log.test.ts': [
        'a value that was logged comes back as it was, and forges no field',
      ],
      'test/cli/log.test.ts': ['text of strangers is harmless in a terminal'],
    },
  },
  'The rules for root': {
    "A link or FIFO in /run/clamav, where clamd's run script writes its settings (once: root, any file overwritten)":
      {
        'test/packaging/hostile-scripts.test.ts': [
          'no run script is led elsewhere, or waits, by ${what}',
          'a link in the place of a log directory gives nobody a way in',
        ],
        'test/packaging/hostile-package.test.ts': [
          'none is led elsewhere, runs for another, or waits, round ${round}',
        ],
      },
    'scan --envdir with a QHPSI or plugin of his (once: root)': {
      'test/cli/hostile/commands.test.ts': [
        'no command that root runs obeys another user, reads for him or waits for him',
      ],
    },
    'quota --envdir with QUOTALDAPPASSWORD=/etc/shadow (once: any file that root reads)': {
      'test/cli/shared/slot-environment.test.ts': [
        'root takes no variables that somebody else could have written',
      ],
    },
    'A process that is called tcpserver, with settings of his (once: what root reads)': {
      'test/cli/check/slot/running-services.test.ts': [
        'a server that another user has started is no service of this host',
      ],
    },
    "The milter's port while onescand restarts; that of the policy service, the page, onescan-quotad (once: all mail)":
      {
        'test/cli/check/mail-servers/postfix.test.ts': [
          'another program in the place of onescand is reported',
          'another program in the place of its policy service is reported',
        ],
        'test/cli/check/shared/listeners.test.ts': ['a port that another user holds is an error'],
        'test/documents/mta-examples.test.ts': [
          'the settings and the units of the package name the places of the examples',
        ],
      },
    'A link to /proc/kmsg where the removal looks (once: dpkg -r waits for ever)': {
      'test/ground/path/walk.test.ts': ['a FIFO or device keeps nobody waiting, and is not opened'],
    },
    'A FIFO as package.json in /tmp (once: every command hangs)': {
      'test/cli/hostile/commands.test.ts': [
        'no command that root runs obeys another user, reads for him or waits for him',
      ],
    },
    'exec -a onescand sleep 30 (once: "all is well")': {
      'test/cli/check/daemon/running-daemon.test.ts': [
        'root asks nobody at a socket of another user',
      ],
    },
    '400,000 files in SPOOLDIR or /tmp (once: a second a message)': {
      'test/message/sweep.test.ts': [
        'the sweep reads a directory of very many files in slices, and ends at the signal',
      ],
    },
    'A trial that is stopped; devices behind a link; CLUSTERKEYS=/proc/self/pagemap; sparse files (once: waits, memory)':
      {
        'test/cli/hostile/commands.test.ts': [
          "no setting that leads to another user's files changes that",
        ],
        'test/ground/path/walk.test.ts': ['reading ends, however large a file claims to be'],
      },
    'Tracing onescan quarantine list, or typing at its terminal (once: root, the keys)': {
      'test/cli/quarantine/quarantine.test.ts': [
        'root reads a quarantine by its account, and stays root',
        "no process of the quarantine's account is in the session of root, or has its variables",
        'a process of the quarantine that is stopped keeps root no longer than its deadline',
      ],
    },
    'A file of the quarantine that is exchanged between show and release (once: a virus with a valid stamp)':
      {
        'test/cli/quarantine/quarantine.test.ts': [
          'what was exchanged since it was seen is not released',
          'what is approved is what goes, though the file is rewritten meanwhile',
          'root signs nothing from a quarantine whose account may not read the keyring',
        ],
      },
    "A log directory that is exchanged for a link while its run script gives files to another account; the directory of sockets below Postfix's queue (once: owner of /etc/shadow)":
      {
        'test/packaging/hostile-scripts.test.ts': [
          'root changes no name in a directory that another account may write to',
          "the directory in which Postfix looks for sockets is root's, with and without systemd",
        ],
      },
    'setfacl -m u:mallory:rw on a file of root:root (once: root)': {
      'test/ground/path/walk.test.ts': [
        'what an access list lets others write to is not obeyed, though its group is root',
      ],
    },
    'A directory in SPOOLDIR with the name of a file of ours, exchanged for a link (once: the only copy of mail in quarantine deleted)':
      {
        'test/message/sweep.test.ts': [
          'the sweep enters no directory that has the name of a file, and none of others',
          'a directory that is exchanged for a link while it is swept leads the sweep to no other',
        ],
      },
    "Waiting for RESTIC_PASSWORD, PGPASSWORD in the trials of check (once: root's passwords)": {
      'test/cli/shared/slot-environment.test.ts': [
        'what crosses to another account are settings and PATH, and no secret of root',
      ],
    },
    'Root runs nothing of his, and he cannot type at its terminal': {
      'test/cli/check/shared/try-as-account.test.ts': [
        'root runs nothing that a service or envdir names, ${how}',
        'if root cannot change the user, nothing is tried, ${how}',
        'a trial cannot type at the terminal of root',
        'a slot that inject calls cannot do so either',
      ],
      'test/packaging/states.test.ts': [
        "the self-test is nobody else, and cannot type at root's terminal",
      ],
    },
    'Removal and installation say what they leave': {
      'test/packaging/states.test.ts': ['purge, install: mail is unscanned, and that is said'],
    },
    'Root follows no path of his, and does not wait for it': {
      'test/ground/path/walk.test.ts': [
        'in a sticky directory only the owner of a file could have put it there',
        'files of other users are read as theirs, and never lead root to another file',
        'a path that another user changes during the walk leads root to no other file',
      ],
      'test/cli/shared/slot-environment.test.ts': [
        'a FIFO in the directory is reported, and not waited for',
      ],
      'test/observe/log/read-log.test.ts': [
        'a FIFO or device in a directory of multilog keeps no reader waiting',
      ],
    },
  },
  'A host on the way': {
    'He cannot make a stamp, or change what a stamp covers': {
      'test/cluster/pairs.test.ts': [
        'a stamp breaks if a bound field moves above it, or a field by which mail is decoded is added there',
        'a byte more or less in its name makes no bound field an unbound one',
        'a stamp breaks if a line moves from the header to the body or back',
        'a stamp holds whatever hosts do to fields that are theirs',
      ],
    },
    'A stamp is young, made for this message, and of known keys': {
      'test/cluster/stamp.test.ts': [
        'a message that is not well formed is neither trusted nor signed',
        'a stamp is too old after maxAge, and a clock may be 300 seconds ahead',
        'a stamp from before the last signature update does not hold',
        'at most sixteen stamps of known keys are verified',
      ],
    },
    'Only hosts of the cluster are trusted, and weak keys are reported': {
      'test/cases/clustering.ts': ['with CLUSTERPEERS=required no other host is trusted'],
      'test/readiness/keyring.test.ts': [
        'an md5 key is a risk in plain words, a short one an error',
      ],
    },
  },
  'A holder of a key': {
    'A key is limited to its scheme and its last day': {
      'test/cluster/stamp.test.ts': [
        'a key signs and verifies by its own scheme alone',
        'a key past its date neither signs nor verifies',
      ],
    },
    'Only a marked key releases mail, for the recipients that are named': {
      'test/cluster/keyring.test.ts': [
        'only a marked hmac-sha256 key may release mail from quarantine',
      ],
      'test/judge/stamps.test.ts': [
        'a stamp of a release spares scanners for its recipients, and no others',
        'a release spares no local policy',
      ],
    },
    'It never vouches for local policy or another scanner': {
      'test/cases/clustering.ts': [
        'local policy applies to trusted mail, too',
        'a stamp of another scanner does not spare this one',
      ],
      'test/readiness/keyring.test.ts': [
        'if the slot asks onescand, its account should have no keys',
      ],
    },
  },
  'Why no mail is lost': {
    'Only the end of the chain says 0': {
      'test/doors/slot/contract.test.ts': [
        'a launcher that cannot load its bundle defers mail and says why in one line',
      ],
      'test/doors/slot/slot-contract.ts': [
        "the next program's exit code is the answer",
        'a crash of the next program stays a crash',
      ],
      'test/doors/slot/faults.test.ts': [
        'a damaged bundle never ends in 0',
        'without enough address space the slot never ends in 0',
      ],
      'test/scan/file-plugin/man-page.test.ts': ['the reasons in the log are those of the page'],
    },
  },
  'The steps of the slot': {
    '1. Start: wrong settings defer mail': {
      'test/doors/shared/replies/error-report.test.ts': [
        'wrong settings of ERROR_FD and ERROR_EXIT defer mail, and are logged',
        "none of the runtime's own descriptors is taken for ERROR_FD",
      ],
      'test/doors/slot/faults.test.ts': [
        'with a wrong keyring in CLUSTERKEYS the slot ends with 55',
        'with a keyring that this user may not read mail is scanned without stamps, and the log says so',
      ],
    },
    'Without scanners and with QUOTAD the message passes as it is': {
      'test/doors/slot/quota.test.ts': [
        'without a scanner any bytes pass as they are',
        'no service is asked for a client that gives up',
        'a dead service costs its time, and no mail',
      ],
    },
    '2. Receive: nothing is scanned or queued before message and envelope are whole': {
      'test/doors/slot/slot-contract.ts': [
        'an envelope that is cut at any byte queues nothing: 54',
        'a wrong letter in the envelope queues nothing: 91',
        'an address of 1,002 bytes is handed on; a longer one ends in 11',
        'message and envelope come in any pieces',
        'if fd 0 or fd 1 is closed or no input, it ends in 54',
      ],
      'test/doors/slot/contract.test.ts': ['no message is scanned before its envelope is whole'],
      'test/doors/slot/faults.test.ts': [
        'if the client goes away while it sends the message, the slot ends with 54',
        'without TMPDIR the slot ends with 64',
        'with a full disk the slot ends with 53',
      ],
      'test/message/intake.test.ts': ['any message comes out as it went in, in any split'],
    },
    '3. Judge: a scanner that fails changes no mail, and leaves at most one file': {
      'test/doors/slot/faults.test.ts': [
        'a killed slot leaves at most one named file, and the sender still has the mail',
        'a slot that is told to end removes its file and ends with 71',
        'with a SPOOLDIR that is missing or no directory the slot ends with 64',
        'with a full SPOOLDIR the slot ends with 53',
        'a scanner that hangs is killed with all its children, and mail deferred with 71',
        'a scanner whose child holds the pipes delays nothing',
        'a scanner that takes the file away, or writes to it, changes no mail',
      ],
      'test/message/sweep.test.ts': [
        'the sweep removes what kill -9 left, by age and name, and nothing else',
      ],
    },
    '4. Refuse, defer or drop: the sender is told what is wrong': {
      'test/doors/shared/replies/error-report.test.ts': [
        'with ERROR_FD the sender is told what is wrong',
        'a descriptor that is no pipe for replies is left alone',
      ],
    },
    '5. Edit: the new header stands before the body, and the next program is there': {
      'test/doors/slot/slot-contract.ts': [
        'message and envelope come in any pieces',
        'a next program that cannot be executed ends in 120, and is named',
        'the next program is never the program itself',
      ],
    },
    '6. Put in place: what was received is handed on': {
      'test/doors/slot/slot-contract.ts': [
        'the envelope is handed on byte for byte, before its pipe is closed',
      ],
    },
    '7. Become the next program: it fails for itself': {
      'test/doors/slot/slot-contract.ts': [
        'a script without an interpreter ends in a temporary failure',
        'a crash of the next program stays a crash',
        'variables that make it scan, loop or load code are hidden',
      ],
    },
  },
  'With the thin client': {
    'At the limit of memory no mail passes that was to be refused': {
      'test/doors/daemon/memory-limit.test.ts': [
        'at the memory limit of its unit no mail passes that was to be refused',
      ],
    },
    'No half answer counts, and none that makes no sense': {
      'test/c/onescanc/answers.test.ts': [
        '${name}: a connection may break at any point of the question',
        'ten seconds are given for the rest of an answer',
      ],
      'test/c/onescanc/invalid-answers.test.ts': [
        'an answer that is cut off at any byte is invalid',
        'garbage of any kind is invalid',
        'end: exactly the codes of the document',
      ],
      'test/doors/daemon/process.test.ts': [
        'a client of a killed onescand never obeys half an answer',
      ],
    },
    "Mail is dropped only by the client's own wish": {
      'test/c/onescanc/answers.test.ts': [
        'end: 0 is obeyed only if the client itself was told to drop mail',
      ],
      'test/doors/slot-socket/trust.test.ts': [
        'mail is dropped only for a client that has REJECTVIRUS=2 itself',
      ],
    },
    'The client goes cold, or defers': {
      'test/c/onescanc/answers.test.ts': [
        'if the connection ends, onescanc asks about the mail once more',
      ],
      'test/c/onescanc/contract.test.ts': [
        'without a cold program, or with the client in its place, it ends with 120',
      ],
      'test/c/onescanc/crowd.test.ts': [
        'a program that has waited too long defers its mail, and logs a line',
      ],
      'test/c/onescanc/faults.test.ts': [
        'onescanc works under softlimit -m 3000000, as in classic run scripts',
        'the disk is full: 53',
      ],
      'test/doors/daemon/process.test.ts': ['SIGTERM waits for messages in flight'],
    },
  },
  'What may be lost, or come twice': {
    'Mail waits a second at most for a log': {
      'test/doors/slot/slot-contract.ts': [
        'a log that takes nothing never keeps mail, and never gets into it',
      ],
      'test/doors/slot/log.test.ts': ["mail does not wait for a system's log that takes nothing"],
    },
  },
  'The rules for content scanners': {
    '1. Stay behind a stable external interface': {
      'test/programs/smtp-proxy-readme.test.ts': [
        'EHLO, XFORWARD, MAIL, RCPT, DATA and QUIT, one message a connection',
        'MAIL and RCPT are forwarded without modification',
      ],
      'test/programs/milter-queue-files.test.ts': ['opens no file of the queue'],
      'test/doors/milter/wire/negotiation.test.ts': [
        'no bit is agreed that was not offered or not wanted',
        'the error names what an MTA lacks',
      ],
    },
    '2. Do not move queue files': {
      'test/programs/milter-queue-files.test.ts': ['opens no file of the queue'],
      'test/message/named-copy.test.ts': ['a file for scanners is private if there is no SPOOLDIR'],
      'test/message/sweep.test.ts': [
        'the sweep removes what kill -9 left, by age and name, and nothing else',
      ],
    },
    '3. Do not modify queue files': {
      'test/doors/slot/faults.test.ts': [
        'a scanner that takes the file away, or writes to it, changes no mail',
      ],
      'test/doors/milter/wire/replies.test.ts': ['each edit has its packet'],
    },
    "4. Honor the queue's locks": {
      'test/programs/milter-queue-files.test.ts': ['opens no file of the queue'],
      'test/doors/slot/contract.test.ts': ['no message is scanned before its envelope is whole'],
    },
    '5. Do nothing that must be undone after a crash': {
      'test/programs/milter-mtas.test.ts': [
        'onescand that is killed amid a scan leaves the mail with the client',
      ],
      'test/doors/milter/process.test.ts': [
        'onescand that is killed amid a message leaves the MTA without an answer that could count',
      ],
      'test/doors/slot/faults.test.ts': [
        'a killed slot leaves at most one named file, and the sender still has the mail',
      ],
      'test/doors/daemon/process.test.ts': [
        'a client of a killed onescand never obeys half an answer',
      ],
    },
    '6. Never acknowledge what the next program has not taken': {
      'test/programs/smtp-proxy-readme.test.ts': [
        'content is accepted with the reply of the server behind',
      ],
      'test/doors/smtp/bad-next-server.test.ts': [
        'a second reply to one command is never taken for one to the next',
        'if the next server closes in the middle of content, the message is deferred; if it speaks there, its answer counts',
      ],
      'test/doors/slot/slot-contract.ts': [
        "the next program's exit code is the answer",
        'an envelope that is cut at any byte queues nothing: 54',
      ],
      'test/doors/slot/faults.test.ts': ['a damaged bundle never ends in 0'],
    },
    '7. Failures of the scanner are temporary': {
      'test/programs/milter-mtas.test.ts': [
        'while clamd is away, mail is deferred',
        'while onescand is away, mail is deferred',
      ],
      'test/doors/milter/time.test.ts': ['mail is deferred if the spool cannot be written'],
      'test/doors/milter/bad-input.test.ts': ['a message with recipients without end is deferred'],
      'test/doors/slot/faults.test.ts': ['with a full disk the slot ends with 53'],
    },
    '8. Could not tell is not clean': {
      'test/programs/slot.test.ts': [
        'clamd that is killed defers mail, and scans again when it is back',
      ],
      'test/scan/clamd/scanner.test.ts': [
        'a server that closes early is no answer, and the next one is asked',
        'a server without sessions is no clamd: it could not tell',
      ],
      'test/scan/clamd/clamd-reply.test.ts': ['only the exact words are clean'],
      'test/programs/milter-postfix.test.ts': ['authenticated clients can have another policy'],
    },
    '9. Send nothing back to forged senders': {
      'test/programs/smtp-postfix.test.ts': [
        'a virus is tagged, and nothing is sent to its sender',
        'mail that could not be scanned stays in the queue, and is sent again',
      ],
      'test/doors/smtp/session.test.ts': ['after the queue nothing is refused for what is in it'],
      'test/programs/milter-mtas.test.ts': [
        'EICAR is refused by the name of the virus',
        'VIRUSFORWARD gets a virus instead of its recipients',
        'EICAR is dropped with REJECTVIRUS=2',
      ],
      'test/programs/milter-quota.test.ts': ['of three recipients only the full one is refused'],
      'test/programs/milter-postfix.test.ts': [
        'a virus of a local program goes back to its sender',
      ],
    },
    '10. Make no loops': {
      'test/programs/smtp-loops.test.ts': [
        'at RCPT, without XFORWARD',
        'at the content, with XFORWARD, for which no Received field is added',
      ],
      'test/doors/smtp/loops.test.ts': [
        'mail of two doors that lead to each other is deferred',
        '50 Received fields are too many hops, except after the queue',
      ],
      'test/doors/slot/slot-contract.ts': [
        'the next program is never the program itself',
        'variables that make it scan, loop or load code are hidden',
      ],
    },
    '11. Deliver to the recipients of the envelope, and to no others': {
      'test/doors/smtp/session.test.ts': [
        'commands are handed on as they were sent, and replies come back as they were given',
        'for mail to VIRUSFORWARD the next server hears the same MAIL and another recipient',
      ],
      'test/doors/slot/slot-contract.ts': [
        'the envelope is handed on byte for byte, before its pipe is closed',
      ],
      'test/doors/milter/carry-out.test.ts': [
        'an MTA that does not let recipients be changed gets no mail to deliver',
      ],
      'test/programs/milter-mtas.test.ts': [
        'messages of one connection have verdicts of their own',
      ],
    },
    '12. Leave the content as it is': {
      'test/programs/milter-mtas.test.ts': [
        'clean mail is tagged and stamped, and its body untouched',
        'large mail passes whole',
        'X-QHPSI fields of a sender are removed, in any form',
      ],
      'test/message/intake.test.ts': ['any message comes out as it went in, in any split'],
    },
    '13. Do not open a relay': {
      'test/programs/milter-quota.test.ts': [
        'the policy service never opens a relay: later restrictions still count',
      ],
      'test/doors/policy/door.test.ts': [
        'while the backend is dead the answer is DUNNO, after the first time without waiting',
      ],
    },
    '14. Let one message be one message (SMTP smuggling)': {
      'test/doors/smtp/wire/content.test.ts': [
        'only CRLF . CRLF ends the content, and dots are removed as in RFC 5321 4.5.2',
        'content that is not refused ends for no server before its end',
      ],
      'test/programs/smtp-smuggling.test.ts': [
        'a bare LF or CR is refused before the queue, as Postfix does',
      ],
      'test/doors/smtp/bad-input.test.ts': [
        'a client that sends on before DATA is answered is hung up on, and nothing that it sent is a command',
      ],
    },
    '15. Handle dangerous content by an account of its own': {
      'test/packaging/units.test.ts': [
        'systemd-analyze security rates the services 1.2 and 0.7 at most',
        'account and directories, made by systemd alone',
      ],
    },
    '16. Limit time, memory and number': {
      'test/doors/milter/time.test.ts': [
        'the MTA gets progress packets while a message is judged',
        'SCANTIMEOUT is the only deadline of a scan',
        'an MTA that stops amid a packet or a message is not waited for without end',
      ],
      'test/doors/milter/bad-input.test.ts': [
        'a message with 5,000 header fields is scanned, and with more refused',
      ],
      'test/doors/milter/wire/packets.test.ts': ['a length that is only claimed costs no memory'],
      'test/quota/ask/client.test.ts': ['only the first question waits for a dead backend'],
    },
    '17. Let nothing from outside reach a shell, a reply or a log': {
      'test/doors/slot/log.test.ts': ['below qmail-local the report of the delivery stays empty'],
      'test/doors/milter/wire/replies.test.ts': [
        'a reply cannot forge a line, and its percent signs are doubled',
      ],
      'test/doors/milter/bad-input.test.ts': [
        'percent signs and other tricks in a name are sent as they are',
      ],
      'test/doors/policy/attributes.test.ts': [
        'a value that holds a line end writes no second line',
      ],
    },
    '18. Have a switch': {
      'test/doors/milter/session.test.ts': [
        'where nothing is scanned the mail passes without an edit',
      ],
      'test/doors/policy/door.test.ts': ['while onescan is off no quota service is asked'],
    },
    'SMTPD_PROXY_README: Postfix speaks ESMTP to the filter, without pipelining, with its own EHLO, XFORWARD, DATA and QUIT, and no other commands':
      {
        'test/programs/smtp-proxy-readme.test.ts': [
          'EHLO, XFORWARD, MAIL, RCPT, DATA and QUIT, one message a connection',
          'Postfix sends no other command, and the filter makes none',
        ],
      },
    "SMTPD_PROXY_README: XFORWARD is for the client's address instead of localhost in logs": {
      'test/programs/smtp-proxy-readme.test.ts': [
        'XFORWARD reaches the server behind as it was sent',
      ],
      'test/programs/smtp-postfix.test.ts': ['the client is the one that XFORWARD names'],
    },
    'SMTPD_PROXY_README: the filter accepts the same syntax of MAIL and RCPT as Postfix does, and forwards them without modification':
      {
        'test/programs/smtp-proxy-readme.test.ts': [
          'MAIL and RCPT are accepted in the same syntax as by Postfix',
          'MAIL and RCPT are forwarded without modification',
        ],
      },
    'SMTPD_PROXY_README: features that the filter or the server behind lacks are turned off in front, by smtpd_discard_ehlo_keywords':
      {
        'test/programs/smtp-proxy-readme.test.ts': [
          'a feature that the server behind lacks is refused in its words, or switched off in front',
        ],
        'test/doors/smtp/session.test.ts': [
          'EHLO offers what the next server offers, except what a proxy cannot keep',
        ],
      },
    'SMTPD_PROXY_README: if the filter rejects content, it answers with a negative reply, and breaks off with the server behind without completing the conversation':
      {
        'test/programs/smtp-proxy-readme.test.ts': [
          'content is rejected with a negative reply, and not completed at the server behind',
          'refused content leaves no transaction open at the server behind',
        ],
      },
    'SMTPD_PROXY_README: if it accepts content, it forwards it, and answers with the reply of the server behind':
      {
        'test/programs/smtp-proxy-readme.test.ts': [
          'content is accepted with the reply of the server behind',
          'a recipient is rejected with the reply of the server behind',
        ],
      },
    'SMTPD_PROXY_README: it may change content or destination, discard, or quarantine': {
      'test/doors/smtp/session.test.ts': [
        'for mail that is refused, deferred or dropped the next server hears RSET',
        'for mail to VIRUSFORWARD the next server hears the same MAIL and another recipient',
      ],
    },
    'SMTPD_PROXY_README: the service behind has no smtpd_proxy_filter of its own': {
      'test/programs/smtp-loops.test.ts': ['at RCPT, without XFORWARD'],
    },
    'SMTPD_PROXY_README: while the filter is away, the client is told to come again': {
      'test/programs/smtp-postfix.test.ts': ['while onescand is away, mail is deferred'],
    },
    'SMTPD_PROXY_README: with speed_adjust Postfix has the whole message before it connects to the filter; each message has a verdict of its own':
      {
        'test/programs/smtp-postfix.test.ts': [
          'with speed_adjust',
          'without speed_adjust',
          'messages of one client have verdicts of their own',
        ],
      },
  },
}
