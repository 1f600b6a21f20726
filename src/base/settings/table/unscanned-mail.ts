import { word } from './kinds.ts'

/** Settings for mail that scanners give no result about, or do not see completely. */
export const unscannedMail = {
  SCANFAIL: word(['defer', 'accept', 'quarantine'], {
    laxer: accepts,
    passes: ifAccepted('mail whose scan failed'),
  }),
  // No retry makes a message smaller, but larger limits of clamd do let it in: it waits in its queue until
  // then. Filters that let it pass, such as clamav-milter and amavis, let in any virus that is padded.
  OVERSIZE: word(['defer', 'accept'], {
    passes: ifAccepted('mail that is larger than the scanners accept'),
  }),
  UNREAD: word(['refuse', 'defer', 'quarantine', 'accept'], {
    passes: ifAccepted('mail that is not fully scanned'),
  }),
  SECONDLOOK: word(['always', 'never']),
  STRICTMIME: word(['off', 'defer', 'quarantine', 'refuse']),
}

/** Returns which mail passes unscanned: this one, if the value is `accept`. */
function ifAccepted(mail: string): (value: string | undefined) => string | undefined {
  return (value) => (value === 'accept' ? mail : undefined)
}

/** Reports why a client's SCANFAIL is laxer. */
function accepts(theirs: string | undefined, own: string | undefined): string | undefined {
  return theirs === 'accept' && own !== 'accept' ? "is more lenient than the daemon's" : undefined
}
