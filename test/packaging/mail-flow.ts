import type { Test } from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { until } from '../run/until.ts'

/** Programs in Python that send mail to a port of 127.0.0.1, which is their first word, for hosts of tests. */

const VIRUS = EICAR.replaceAll('\\', '\\\\')

/** `send` returns the code of the reply to it, or of an earlier refusal, or `none` if the connection ends before. */
const SENDING = `
import os, smtplib, sys, time
port = int(sys.argv[1])
def send(body, subject):
    try:
        with smtplib.SMTP('127.0.0.1', port, timeout=120) as s:
            s.ehlo()
            for code, _ in (s.mail('ann@example.net'), s.rcpt('you@example.org')):
                if code >= 300: return code
            return s.data('From: ann@example.net\\r\\nTo: you@example.org\\r\\nSubject: %s\\r\\n\\r\\n%s\\r\\n' % (subject, body))[0]
    except smtplib.SMTPResponseException as e: return e.smtp_code
    except OSError: return 'none'
`

/** Sends a clean mail and EICAR, and prints the codes. */
export const TWO = `${SENDING}
for body in ('clean', '${VIRUS}'): print(send(body, 'two'))
`

/** Sends a mail below the limit of Debian's clamd, of 24 MB, and one above it, of 27 MB, and prints the codes. */
export const LARGE = `${SENDING}
for size in (24, 27): print(send(('x' * 76 + '\\r\\n') * (size * 1000000 // 78), 'large'))
`

/**
 * Sends clean mail, and every third time EICAR, until the file exists that is the second word; prints each clean one that
 * is accepted, and at the end all codes.
 */
export const FLOW = `${SENDING}
seen, n = set(), 0
while not os.path.exists(sys.argv[2]):
    n += 1
    code = send('${VIRUS}' if n % 3 == 0 else 'flow %d.%d.' % (port, n), 'flow')
    seen.add(('virus' if n % 3 == 0 else 'clean', code))
    if n % 3 and code == 250: print('accepted flow %d.%d.' % (port, n), flush=True)
    time.sleep(0.05)
print(*sorted('%s %s' % pair for pair in seen), sep='\\n')
`

/** Checks what FLOW printed: each reply is one of these, and all mail that was accepted is delivered. */
export async function checkFlow(
  t: Test,
  printed: string,
  fine: { readonly clean: RegExp; readonly virus: RegExp },
  delivered: () => string,
): Promise<void> {
  const replies = [...printed.matchAll(/^(clean|virus) (.*)$/gm)]
  t.ok(replies.length > 0, printed.slice(-500))
  const others = replies.filter(([, kind, code]) => !fine[kind as keyof typeof fine].test(code!))
  t.same(
    others.map(([line]) => line),
    [],
    'each is scanned or deferred',
  )
  const accepted = Array.from(printed.matchAll(/^accepted (.*)$/gm), ([, body]) => body!)
  t.ok(accepted.length > 0, printed.slice(-500))
  const missing = () => {
    const came = delivered()
    return accepted.filter((body) => !came.includes(body))
  }
  // A filter after the queue may need a second for each: while mail comes, more may come.
  let left = missing()
  while (left.length > 0) {
    const before = left.length
    left = await until(missing, 'what was accepted is delivered', ({ length }) => length < before)
  }
}
