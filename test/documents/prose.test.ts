import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sourceFiles } from '../../tools/documents/source-files.ts'
import {
  commentsIn,
  messages,
  proseOfComments,
  proseOfManual,
  proseOfMarkdown,
  proseOfPages,
  type Sentence,
  scriptTexts,
  textsIn,
  wordsIn,
} from './prose.ts'

/** How pages are written: as the manuals of Postfix, PostgreSQL and SQLite are. */

/** What is written instead of words that stop a reader. */
const instead: Readonly<Record<string, string>> = {
  'so many': 'a number, or "as many as N"',
  whoever: 'a client that …',
  '(?:it|time|session|scan) is over(?! [A-Z\\d-])': 'has ended',
  'for ever': 'indefinitely',
  'all is well': 'no problems found',
  'makes? no sense': 'is invalid',
  told: 'receives, reads',
  tells: 'reports, sets, shows',
  'is asked for': 'name who asks',
  'but for': 'except',
  'what becomes of': 'what happens to',
  'nobody but': 'only',
  somebody: 'an attacker, another user',
  'any more': 'no longer',
  amidst: 'during',
  'says? (?:so|why)': 'reports that, gives the reason',
  'the (?:log|answer|reply|page) says': 'has, shows, states',
  '(?:handed|hands?) on': 'passed on',
  'mend(?:s|ed)?': 'corrects, fixes',
  'by (?:milter|SMTP|LMTP|TLS|TCP|UDP|HTTP)': 'through the milter, over SMTP',
  'by each way': 'through every port and program',
  '(?:one|key|rule|name) a line': 'one per line',
  'counts? for|do(?:es)? not count': 'applies to, is not used',
  'false alarms?': 'a false positive',
  'mail programs?': 'a mail client',
  'go(?:es)? back': 'to undo this, returns',
  'access lists?': 'an ACL',
  'processors?': 'a CPU',
  blanks: 'spaces, white space',
  'decides?': 'applies, determines',
  'by (?:itself|themselves)': 'alone, without the daemon, separately',
  'the client reads': 'the client receives',
}

/** What no source says either, in comments and messages. */
const neverInSources = ['so many', 'whoever', 'for ever', 'all is well', 'makes no sense', 'but for', 'nobody but', 'nobody could tell', 'amid(?:st)?', 'mends?'] as const // biome-ignore format: a line

/** Sentences of more than `LONG` words, at most `SHARE` of all. */
const LONG = 30
const SHARE = 0.01

/**
 * Verbs of people and of private images, and what a comment has instead: code returns, reports, contains,
 * receives and precedes; it asks no one.
 */
const neverInComments: Readonly<Record<string, string>> = {
  '(?:says?|said|saying|tells?|told|telling)': 'states, returns, reports, contains',
  '(?:hears?|heard)': 'receives',
  '(?:stands?|stood|standing)(?!-)': 'is, precedes, follows',
  '(?:nobody|somebody|anybody)': 'no client, no process, another user',
  '(?:vouch\\w*)': 'covers, names, trusts',
  '(?:becomes?|became|comes?|came) of': 'the outcome of, results from',
  besides: 'in addition to, except',
}

/** A word of the code and its comments alone. */
const neverInMessages: typeof instead = { 'doors?': 'interface' }

/** Phrases of the same kinds, in comments, messages, scripts and names of tests. */
const plainly: Readonly<Record<string, string>> = {
  '(?<!there )(?:is|are|was|were) no (?!longer|more|other|one\\b)[a-z]+': 'is not a …',
  anew: 'again, restarts',
  mails: 'messages',
  'a (?:clean |large |small |whole |new )?mail(?! [a-z])': 'a message',
  'gets? in': 'is accepted',
  'correct it': 'fix this setting; what happens until then',
  'the log of (?:clamd|onescand|freshclam|the mail server)': "clamd's log",
  'hand(?:s|ed|ing)? (?:mail|messages?|it|them) on': 'passes it on',
  'any ?more(?= *[.,;:)]|$)': 'no longer',
  'for good': 'permanently',
  '(?<=^|[.:] )by what': 'how',
  'the (?:most|fewest) (?:bytes|parts|characters|lines)': 'upper limit',
  'counts for|does not count': 'applies to, is not used',
}

/** A person may say something. */
const BY_PERSON = /\b(?:administrator|user|sender|person|people|operator|reader)s? (?:says?|said|tells?|told|hears?|heard)\b/gi // biome-ignore format: a line

const prose = proseOfPages()
const comments = proseOfComments()

t.test('no page has a phrase for which there is plain English', async (t) => {
  t.ok(prose.length > 2000, `${prose.length} sentences were found`)
  const phrases = Object.entries(instead).map(([phrase, better]) => ({ form: new RegExp(`\\b${phrase}\\b`, 'i'), phrase, better })) // biome-ignore format: a line
  const found = prose.flatMap(({ page, text }) =>
    phrases
      .filter(({ form }) => form.test(text))
      .map(({ phrase, better }) => `${page}: "${phrase}"; write: ${better}: ${text}`),
  )
  t.same(found, [])
})

t.test('no source has the first of them', async (t) => {
  const src = join(import.meta.dirname, '../../src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  const sources = files.filter((name) => /\.(?:ts|js|c|h)$/.test(name))
  t.ok(sources.length > 400)
  const form = new RegExp(`\\b(?:${neverInSources.join('|')})\\b`, 'gi')
  const found = sources.flatMap((name) => {
    const words = readFileSync(join(src, name), 'utf8').replaceAll(/\s*\n\s*(?:\*|\/\/)? ?/g, ' ')
    return [...words.matchAll(form)].map(([phrase]) => `src/${name}: "${phrase}"`)
  })
  t.same(found, [])
})

t.test('comments name what code does with verbs of code', async (t) => {
  t.ok(comments.length > 8000, `${comments.length} sentences were found`)
  const phrases = Object.entries(neverInComments).map(([phrase, better]) => ({ form: new RegExp(`\\b${phrase}\\b`, 'i'), better })) // biome-ignore format: a line
  const found = comments.flatMap(({ page, text }) =>
    phrases
      .filter(({ form }) => form.test(text.replaceAll(BY_PERSON, '').replaceAll(/\w+\(\d\)/g, '')))
      .map(({ better }) => `${page}: write: ${better}: ${text}`),
  )
  t.same(found, [])
})

/** The sentences that have one of these phrases, each with what to write. */
const withPhrases = (sentences: readonly Sentence[], ...lists: (typeof instead)[]): string[] => {
  const phrases = lists
    .flatMap((list) => Object.entries(list))
    .map(([phrase, better]) => ({ form: new RegExp(`\\b(?:${phrase})\\b`, 'i'), better }))
  return sentences.flatMap(({ page, text }) =>
    phrases
      .filter(({ form }) => form.test(text))
      .map(({ form, better }) => `${page}: "${form.exec(text)![0]}"; write: ${better}: ${text}`),
  )
}

t.test('messages, scripts, units and samples have none of these phrases', async (t) => {
  const texts = messages()
  t.ok(texts.length > 2000, `${texts.length} messages were found`)
  t.same(withPhrases(texts, instead, neverInComments, neverInMessages, plainly), [])
  const scripts = scriptTexts()
  for (const name of ['postinst', 'bin/onescan-queue', '.ci/run', 'test.yml', 'commit-msg'])
    t.ok(
      scripts.some(({ page }) => page.endsWith(name)),
      name,
    )
  t.ok(scripts.length > 2000)
  t.same(withPhrases(scripts, instead, neverInComments, neverInMessages, plainly), [])
})

t.test('no message shows the code of a system error, which is for programs', async (t) => {
  const named = messages().filter(({ text }) =>
    /\bE(?:NOENT|ACCES|PERM|PIPE|CONN[A-Z]+)\b/.test(text),
  )
  t.same(
    named.map(({ page, text }) => `${page}: ${text}`),
    [],
  )
  const src = join(import.meta.dirname, '../../src')
  const shown = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => /\$\{errorCode\(/.test(readFileSync(join(src, name), 'utf8')))
  t.same(shown, [], 'codeInWords() has the words')
})

/** Comments above a name that refer to the comment above another one. */
const riddlesIn = (source: string): readonly string[] =>
  source.match(
    /\/\*\*\s+(?:\* )?(?:(?:Returns|Finds|Matches|Reads|Takes|Adds|Whether|(?:Upper|Lower) limit for|The (?:number|bytes|length) of) )?(?:the same|those|that|such|these|them|the next one)\b.*/gi,
  ) ?? []

t.test('the comment above a name is understood without the one above it', async (t) => {
  t.ok(sourceFiles.length > 400)
  for (const { path, text } of sourceFiles) t.same(riddlesIn(text), [], path)
  t.equal(
    riddlesIn('/** Returns those of a part. */\n/**\n * The same for a comment. */').length,
    2,
  )
  t.same(riddlesIn('/** Returns the lines of that file. */'), [])
})

t.test('comments have none of the last list', async (t) => {
  t.same(withPhrases(comments, plainly), [])
})

t.test('texts in quotes are found, and comments and single words are not', async (t) => {
  const source = `/** It's one. */\na('two words', \`three more \${b}\`, 'x') // it is\n// 'not it'\n`
  t.same(textsIn(source), ['two words', 'three more X'])
})

t.test(`at most 1 % of the sentences in comments have more than ${LONG} words`, async (t) => {
  const long = comments.filter(({ text }) => wordsIn(text) > LONG)
  const listed = long.map(({ page, text }) => `${page}: ${wordsIn(text)}: ${text}`)
  t.ok(
    long.length <= SHARE * comments.length,
    `${long.length} of ${comments.length}:\n${listed.join('\n')}`,
  )
})

t.test('comments are found, and code and texts are not', async (t) => {
  t.same(
    commentsIn(
      "/** One\n * two. */\nconst a = 'x' // three\n  // four\n  // five\nb('// six')\n",
    ).map((text) => text.trim()),
    ['One\ntwo.', 'four\nfive', 'three'],
  )
})

t.test(`at most 1 % of the sentences have more than ${LONG} words`, async (t) => {
  const long = prose.filter(({ text }) => wordsIn(text) > LONG)
  const listed = long.map(({ page, text }) => `${page}: ${wordsIn(text)}: ${text}`)
  t.ok(
    long.length <= SHARE * prose.length,
    `${long.length} of ${prose.length}:\n${listed.join('\n')}`,
  )
})

t.test('sentences are found in text, in lists and in tables, and not in code', async (t) => {
  t.same(
    proseOfMarkdown('# A\n\nOne `two three` [four](x.md)\nfive.\n- six\n\n```sh\nno\n```\n').filter(
      Boolean,
    ),
    ['A', 'One CODE four five.', 'six'],
  )
  t.same(proseOfManual('.Sh A\nOne\n.Ev TWO ,\nthree.\n.It Ev X\nfour\n').filter(Boolean), [
    'One CODE, three.',
    'four',
  ])
})
