import { bytes, type Case, scanning } from './case.ts'
import { plain } from './messages.ts'

/** Mail in which the counting scanner finds these names, the first one first. */
const named = (...names: readonly string[]) =>
  bytes(`${plain.toString('latin1')}${names.map((name) => `NAMED ${name}\n`).join('')}`)

/** A name of each property, as ClamAV gives it, and its words in the reply. */
const names: readonly (readonly [name: string, property: string, reply: RegExp])[] = [
  [
    'Heuristics.Encrypted.Zip',
    'encrypted',
    /it contains encrypted content, which cannot be scanned/,
  ],
  ['Heuristics.Encrypted.OLE2', 'encrypted', /encrypted content/],
  ['Heuristics.OLE2.ContainsMacros.VBA', 'macros', /a document in it has macros/],
  ['Heuristics.OLE2.ContainsMacros', 'macros', /macros/],
  ['Heuristics.Phishing.Email.SpoofedDomain', 'phishing', /a link in it does not lead where/],
  ['PUA.Win.Packer.Upx-4', 'unwanted', /a file in it may be unwanted/],
  ['PUA.Tool.UNOFFICIAL', 'unwanted', /unwanted/],
  ['Heuristics.Structured.SSN', 'structured', /credit card or social security numbers/],
  ['Heuristics.Broken.Executable', 'broken', /a program or picture in it is broken/],
]
const all = (action: string) =>
  [...new Set(names.map(([, property]) => `${property}=${action}`))].join(' ')

const macros = () => named('Heuristics.OLE2.ContainsMacros.VBA')
const zip = () => named('Heuristics.Encrypted.Zip')

/** What a scanner reports although it is not malware has words of its own in FINDINGS. */
export const byProperty: readonly Case[] = [
  ...names.map(
    ([name, property, text]): Case => ({
      name: `${property}=refuse refuses ${name} with a reply of its own`,
      message: () => named(name),
      settings: scanning({ FINDINGS: `${property}=refuse` }),
      expect: {
        outcome: 'refused',
        text: new RegExp(`${text.source}.*${name}.*#5\\.7\\.1`),
        log: new RegExp(`decision=reject .*grounds=${property} `),
      },
    }),
  ),
  ...names.map(
    ([name]): Case => ({
      name: `${name} counts as a virus unless a setting excludes it`,
      message: () => named(name),
      settings: scanning({ REJECTVIRUS: '1' }),
      expect: { outcome: 'refused', text: new RegExp(`virus ${name}`), log: /grounds=virus / },
    }),
  ),
  {
    name: 'a property is deferred, with a text, by FINDINGS',
    message: macros,
    settings: scanning({ FINDINGS: 'macros=defer', REJECTVIRUS: '1' }),
    expect: { outcome: 'deferred', text: /message deferred: a document in it has macros/ },
  },
  {
    name: 'a property is tagged by FINDINGS, whatever REJECTVIRUS is',
    message: macros,
    settings: scanning({ FINDINGS: 'macros=tag', REJECTVIRUS: '1' }),
    expect: { outcome: 'delivered', xQhpsi: 'virus found', newStamps: 0 },
  },
  {
    name: 'a property that is accepted gets neither a tag nor a stamp, since its file was not clean',
    message: zip,
    settings: scanning({ FINDINGS: 'encrypted=accept', REJECTVIRUS: '1' }),
    expect: { outcome: 'delivered', xQhpsi: null, newStamps: 0 },
  },
  {
    name: 'a property is kept under its own word',
    message: zip,
    settings: (stage) =>
      scanning({ FINDINGS: 'encrypted=quarantine', QUARANTINE: stage.quarantine })(stage),
    expect: { outcome: 'dropped', kept: 'encrypted' },
  },
  {
    name: 'malware is none of the properties, whatever its name holds',
    message: () => named('Win.Trojan.Heuristics.Encrypted.Zip-1'),
    settings: scanning({ FINDINGS: all('accept'), REJECTVIRUS: '1' }),
    expect: { outcome: 'refused', text: /virus Win\.Trojan/ },
  },
  {
    name: 'a line lets encrypted files of a partner in',
    message: zip,
    sender: 'ann@partner.example',
    settings: (stage) =>
      scanning({
        FINDINGS: 'encrypted=refuse macros=refuse',
        CONTROLDIR: stage.rules('from=partner.example FINDINGS=encrypted=accept\n'),
      })(stage),
    expect: { outcome: 'delivered', xQhpsi: null, log: /rule=1 / },
  },
  {
    name: 'the same line lets nobody else in',
    message: zip,
    sender: 'ann@stranger.example',
    settings: (stage) =>
      scanning({
        FINDINGS: 'encrypted=refuse macros=refuse',
        CONTROLDIR: stage.rules('from=partner.example FINDINGS=encrypted=accept\n'),
      })(stage),
    expect: { outcome: 'refused', text: /encrypted content/, log: /grounds=encrypted / },
  },
  {
    name: 'a line that lets encrypted files in leaves the other words of FINDINGS as they are',
    message: macros,
    sender: 'ann@partner.example',
    settings: (stage) =>
      scanning({
        FINDINGS: 'encrypted=refuse macros=refuse',
        CONTROLDIR: stage.rules('from=partner.example FINDINGS=encrypted=accept\n'),
      })(stage),
    expect: { outcome: 'refused', text: /a document in it has macros/, log: /rule=1 / },
  },
  {
    name: 'REFUSALTEXT has the name of what was found in it',
    message: macros,
    settings: scanning({ FINDINGS: 'macros=refuse', REFUSALTEXT: 'No {reason}: {virus}' }),
    expect: { outcome: 'refused', text: /No macros: Heuristics\.OLE2\.ContainsMacros\.VBA/ },
  },
]
