import { properties } from '../../src/scan/scanners/shared/properties.ts'
import { bytes, type Case, scanning } from './case.ts'
import { plain } from './messages.ts'

/** Mail in which the counting scanner finds these names, the first one first. */
const named = (...names: readonly string[]) =>
  bytes(`${plain.toString('latin1')}${names.map((name) => `NAMED ${name}\n`).join('')}`)

/** A name of each property, as ClamAV gives it, and what the reply says of it. */
const names: readonly (readonly [name: string, setting: string, reply: RegExp])[] = [
  ['Heuristics.Encrypted.Zip', 'ENCRYPTED', /what is encrypted in it cannot be scanned/],
  ['Heuristics.Encrypted.OLE2', 'ENCRYPTED', /what is encrypted/],
  ['Heuristics.OLE2.ContainsMacros.VBA', 'MACROS', /a document in it has macros/],
  ['Heuristics.OLE2.ContainsMacros', 'MACROS', /macros/],
  ['Heuristics.Phishing.Email.SpoofedDomain', 'PHISHING', /a link in it does not lead where/],
  ['PUA.Win.Packer.Upx-4', 'UNWANTED', /a file in it may be unwanted/],
  ['PUA.Tool.UNOFFICIAL', 'UNWANTED', /unwanted/],
  ['Heuristics.Structured.SSN', 'STRUCTURED', /numbers of credit cards or of persons/],
  ['Heuristics.Broken.Executable', 'BROKEN', /a program or picture in it is broken/],
]
const settings = [...new Set(names.map(([, setting]) => setting))]
const all = (word: string) => Object.fromEntries(settings.map((setting) => [setting, word]))

const macros = () => named('Heuristics.OLE2.ContainsMacros.VBA')
const zip = () => named('Heuristics.Encrypted.Zip')

/** What a scanner names although it is no malware has settings of its own. */
export const byProperty: readonly Case[] = [
  ...names.map(([name, setting, text]): Case => {
    const property = Object.entries(properties).find(([, { names }]) => names.test(name))![0]
    return {
      name: `${setting}=refuse refuses ${name} with a reply of its own`,
      message: () => named(name),
      settings: scanning({ [setting]: 'refuse' }),
      expect: {
        outcome: 'refused',
        text: new RegExp(`${text.source}.*${name}.*#5\\.7\\.1`),
        log: new RegExp(`decision=reject .*grounds=${property} `),
      },
    }
  }),
  ...names.map(
    ([name]): Case => ({
      name: `${name} counts as a virus unless a setting says otherwise`,
      message: () => named(name),
      settings: scanning({ REJECTVIRUS: '1' }),
      expect: { outcome: 'refused', text: new RegExp(`virus ${name}`), log: /grounds=virus / },
    }),
  ),
  {
    name: 'a property is deferred, with a text, if its setting says so',
    message: macros,
    settings: scanning({ MACROS: 'defer', REJECTVIRUS: '1' }),
    expect: { outcome: 'deferred', text: /message deferred: a document in it has macros/ },
  },
  {
    name: 'a property is tagged if its setting says so, whatever REJECTVIRUS says',
    message: macros,
    settings: scanning({ MACROS: 'tag', REJECTVIRUS: '1' }),
    expect: { outcome: 'delivered', xQhpsi: 'virus found', newStamps: 0 },
  },
  {
    name: 'a property that is accepted gets neither a tag nor a stamp, since its file was not clean',
    message: zip,
    settings: scanning({ ENCRYPTED: 'accept', REJECTVIRUS: '1' }),
    expect: { outcome: 'delivered', xQhpsi: null, newStamps: 0 },
  },
  {
    name: 'a property is kept under its own word',
    message: zip,
    settings: (stage) => scanning({ ENCRYPTED: 'quarantine', QUARANTINE: stage.quarantine })(stage),
    expect: { outcome: 'dropped', kept: 'encrypted' },
  },
  {
    name: 'malware is none of the properties, whatever its name holds',
    message: () => named('Win.Trojan.Heuristics.Encrypted.Zip-1'),
    settings: scanning({ ...all('accept'), REJECTVIRUS: '1' }),
    expect: { outcome: 'refused', text: /virus Win\.Trojan/ },
  },
  {
    name: 'a line lets encrypted files of a partner in',
    message: zip,
    sender: 'ann@partner.example',
    settings: (stage) =>
      scanning({
        ENCRYPTED: 'refuse',
        CONTROLDIR: stage.rules('from=partner.example ENCRYPTED=accept\n'),
      })(stage),
    expect: { outcome: 'delivered', xQhpsi: null, log: /rule=1 / },
  },
  {
    name: 'the same line lets nobody else in',
    message: zip,
    sender: 'ann@stranger.example',
    settings: (stage) =>
      scanning({
        ENCRYPTED: 'refuse',
        CONTROLDIR: stage.rules('from=partner.example ENCRYPTED=accept\n'),
      })(stage),
    expect: { outcome: 'refused', text: /what is encrypted/, log: /grounds=encrypted / },
  },
  {
    name: 'REFUSALTEXT has the name of what was found in it',
    message: macros,
    settings: scanning({ MACROS: 'refuse', REFUSALTEXT: 'No {ground}: {virus}' }),
    expect: { outcome: 'refused', text: /No macros: Heuristics\.OLE2\.ContainsMacros\.VBA/ },
  },
]
