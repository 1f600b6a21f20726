import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A message of test/messages/ordinary/, latin1. */
export function keptMail(name: string): string {
  const directory = join(import.meta.dirname, '../../messages/ordinary')
  return readFileSync(join(directory, `${name}.eml`), 'latin1')
}

/**
 * Messages under test/messages/ordinary/, each with what it is and how it was made. All people, texts and
 * files in them were made up for this. "As documented" stands for programs that do not run on Debian: the
 * shape is theirs, and the mail was written by hand.
 */
export const kept: Readonly<Record<string, readonly [what: string, madeBy: string]>> = {
  'swaks-plain': ['a text that swaks sends', 'swaks 20201014.0 --dump-mail'],
  'swaks-html': ['HTML that swaks sends', 'swaks --attach-type text/html --attach-body'],
  'swaks-attachment': ['a PDF that swaks attaches', 'swaks --attach-type application/pdf --attach'],
  'swaks-alternative': [
    'a text, HTML and a picture by swaks',
    'swaks --attach-body twice, --attach-type image/png --attach',
  ],

  'php-plain': ["a text by PHP's mail()", 'PHP 8.2, sendmail_path a file'],
  'php-headers': ["a form's text in UTF-8 without MIME fields by PHP's mail()", 'PHP 8.2'],
  'php-html': ["HTML in ISO-8859-1 under fields that a script wrote for PHP's mail()", 'PHP 8.2'],
  'php-attachment': ["a PDF in a multipart that a script wrote for PHP's mail()", 'PHP 8.2'],
  'php-attachment-mixed-line-ends': [
    "the same with the ends of lines as PHP's mail() hands them to sendmail",
    'PHP 8.2; the others were given LF, as sendmail(1) of Postfix does',
  ],

  'mutt-plain': ['a text by mutt', 'mutt 2.2.12, sendmail a file, keys by a pseudo-terminal'],
  'mutt-attachment': ['a PDF and a picture by mutt', 'mutt -a'],
  'mutt-flowed': ['format=flowed by mutt', 'mutt, text_flowed'],
  'mutt-forward-attached': ['a mail with HTML that mutt forwards as an attachment', 'mime_forward'],
  'mutt-forward-inline': ['a mail with HTML that mutt forwards as text', 'no mime_forward'],
  'mutt-forward-pgp': [
    'a signed mail with a forwarded one in it by mutt',
    'mime_forward, crypt_autosign',
  ],
  'mutt-pgp-signed': ['PGP/MIME with a PDF, signed by mutt', 'crypt_autosign, GnuPG 2.2.40'],
  'mutt-patch': ['a patch of git that mutt attaches', 'git format-patch 2.39.5, mutt -a'],
  'git-send-email': ['a patch with a binary file by git', 'git send-email 2.39.5'],

  'evolution-plain': ['a text by Evolution', 'Camel 3.46.4, by its introspection'],
  'evolution-related': ['HTML with a picture, and a PDF, by Evolution', 'Camel 3.46.4'],
  'kmail-alternative': ['HTML and a PDF by KMail', 'KMime 22.12.3'],
  'python-email': ['HTML with a picture, and a PDF, by Python', 'email of Python 3.11.2'],
  'ruby-mail': ['HTML and a PDF by Ruby', 'mail 2.7.1'],
  javamail: ['HTML and a PDF by Java', 'JavaMail 1.6.5'],

  'gpg-clearsigned': ['a clear text that is signed', 'gpg 2.2.40 --clearsign'],
  'gpg-signed-inline': ['a text in OpenPGP that is signed and not encrypted', 'gpg --sign -a'],
  'gpg-signed-file': ['a PDF in OpenPGP that is signed and not encrypted', 'gpg --sign'],
  'gpg-signed-armoured': ['the same in armour', 'gpg --sign -a'],
  'gpg-signed-mail': [
    'a mail with a PDF of 20 KB in PGP/MIME that is signed and not encrypted',
    'gpg --sign -a, in the multipart of RFC 3156 4',
  ],
  'gpg-detached': ['a PDF and a signature for it', 'gpg -b'],
  'gpg-key': ['a public key', 'gpg --export -a, attached as Thunderbird does'],
  'openssl-detached': ['S/MIME of a text and HTML, signed', 'openssl cms -sign, OpenSSL 3.0.19'],
  'openssl-opaque-small': [
    'opaque S/MIME of a text and HTML, 3 KB in all',
    'openssl cms -sign -nodetach',
  ],
  'pec-small': [
    'certified mail (PEC)',
    'shape as documented: multipart/mixed with daticert.xml and postacert.eml; openssl cms -sign',
  ],

  'html-meta-iso-2022-jp': [
    'HTML that declares ISO-2022-JP across a soft line break',
    'as Exchange',
  ],
  'html-meta-utf-16': ['HTML in UTF-8 that declares Unicode', 'as Word'],
  'html-meta-utf-16-named': ['HTML in ISO-8859-1 that declares UTF-16', 'as Word'],
  'html-base64': ['HTML in base64', 'by hand'],
  'html-8bit': ['HTML in 8-bit lines whose character set it declares itself', 'by hand'],
  'html-crlf': ['a text and HTML whose lines end in CRLF', 'by hand'],
  'newsletter-cut-0': ['a newsletter in one line of HTML', 'by hand'],
  'list-footer': ['a mail with ARC fields, and the footer of a list in a part', 'as Mailman 2'],

  'outlook-mixed': ['a text, HTML of Word with a picture, and a PDF by Outlook', 'as documented'],
  'outlook-tnef': ['a PDF in winmail.dat by Outlook', 'as documented in MS-OXTNEF'],
  'outlook-vcard': ['a vCard 2.1 with a photo by Outlook', 'as documented'],
  'outlook-receipt': ['a receipt by Exchange', 'as documented'],
  'apple-mail': ['a text, and HTML with a picture and a PDF in it, by Apple Mail', 'as documented'],
  'apple-double': ['a PDF in AppleDouble by Apple Mail', 'RFC 1740'],
  gmail: ['a text in base64, HTML with a picture, and a PDF by Gmail', 'as documented'],
  'exchange-invitation': ['an invitation by Exchange', 'as documented'],
  'google-invitation': ['an invitation by Google Calendar', 'as documented'],
  'vcard-photo': ['a vCard 3.0 with a photo', 'RFC 2426'],
  receipt: ['a receipt by Thunderbird', 'as documented'],

  'postfix-bounce': ['a bounce of Postfix', 'Postfix 3.7.11'],
  'postfix-bounce-headers': ['a bounce of Postfix with the header alone', 'sendmail -R hdrs'],
  'exim-bounce': ['a bounce of Exim', 'Exim 4.96'],
  'exchange-dsn': ['a bounce of Exchange', 'as documented'],
  'qmail-bounce': ['a bounce of qmail', 'the text of qmail-send.c (QSBMF)'],
  'qmail-bounce-html': ['a bounce of qmail about a mail by Outlook', 'the same'],

  'eml-attached': ['an .eml as a file', 'by hand'],
  'emlx-attached-7bit': ['an .emlx as text', 'Apple: a number of bytes, the mail, a property list'],
  'from-line': ['a mail that begins with the line of an mbox', 'by hand'],
  'from-line-attached': ['an attached mail that begins with the line of an mbox', 'by hand'],
  'thunderbird-copies-attached': ['a folder of Thunderbird', 'as documented'],

  'pasted-log': ['a text with a log of Postfix', 'by hand'],
  'pasted-certificate': ['a text with a certificate and two keys of SSH', 'openssl req -x509'],
  'pascal-program': ['a text with lines that begin with "begin" and end with "end"', 'by hand'],

  'rfc2231-name': ['a PDF whose name is in pieces of RFC 2231', 'as Thunderbird'],
  'encoded-word-name': ['files with Japanese names in encoded words and RFC 2231', 'by hand'],
  'japanese-text': ['a text in ISO-2022-JP', 'by hand'],
  'empty-parts': ['a multipart of empty parts', 'by hand'],
  'empty-body': ['a mail with an empty body', 'by hand'],
  'header-only': ['a mail that is a header alone', 'by hand'],
  'latin1-without-mime': ['a mail in ISO-8859-1 without MIME fields', 'by hand'],
  'flowed-delsp': ['format=flowed with delsp=yes', 'as Apple Mail'],
  'eight-bit-crlf': ['a text of 8 bits whose lines end in CRLF', 'by hand'],
}

/** The same of messages in which something is encrypted. The log states that of them, and nothing else. */
export const keptEncrypted: typeof kept = {
  'mutt-pgp-encrypted': ['PGP/MIME that mutt encrypts', 'mutt, crypt_autoencrypt'],
  'gpg-encrypted-file': ['a PDF that is encrypted in OpenPGP', 'gpg -e'],
  'openssl-encrypted': ['S/MIME that is encrypted', 'openssl cms -encrypt'],
}
