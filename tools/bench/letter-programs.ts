import { randomBytes, randomUUID } from 'node:crypto'

/** A program that writes mail. Texts are Unicode, what they give is the bytes of the mail as latin1. */
export interface Program {
  /** The header from the servers' fields down, with the fields of its content where the program has them. */
  header(subject: string, content: string): string
  boundary(): string
  /** A part with its header; a paragraph is a line. */
  text(paragraphs: readonly string[]): string
  html(paragraphs: readonly string[]): string
  /** The header of a file in base64 that is attached, its empty line not included. */
  file(name: string, size: number): string
  /** The same of a message. */
  mail(name: string): string
  /** Whether a picture is in the HTML of mail with a file, as signatures have it. */
  readonly hasPicture: boolean
}

/** Random, of 18 digits. */
export const word = () => randomBytes(9).toString('hex')
const base64Word = (bytes: number) => randomBytes(bytes).toString('base64')

/** Lines of a long value. */
const folded = (value: string, width: number, indent: string) =>
  value.replace(new RegExp(`.{${width}}(?=.)`, 'g'), `$&\n${indent}`)

/** What the servers on the way put on top. */
function received(domain: string, selector: string): string {
  return `Received: from mail-${word().slice(0, 4)}.${domain} (mail-out.${domain} [192.0.2.1])
	(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
	 key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)
	(No client certificate requested)
	by mx.example.org (Postfix) with ESMTPS id ${word().slice(0, 11).toUpperCase()}
	for <postmaster@example.org>; Fri, 20 Nov 2026 09:00:04 +0100 (CET)
Authentication-Results: mx.example.org;
	dkim=pass (2048-bit key; unprotected) header.d=${domain} header.i=@${domain} header.a=rsa-sha256 header.s=${selector};
	spf=pass smtp.mailfrom=${domain}; dmarc=pass (policy=none) header.from=${domain}
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
        d=${domain}; s=${selector}; t=1795161603; x=1795766403;
        h=to:subject:message-id:date:from:mime-version:from:to:cc:subject
         :date:message-id:reply-to;
        bh=${base64Word(32)};
        b=${folded(base64Word(256), 68, '         ')}
`
}

const outlook: Program = {
  header(subject, content) {
    const host = `${word().slice(0, 14).toUpperCase()}.EURPRD05.PROD.OUTLOOK.COM`
    return `${received('contoso.example', 'selector2')}Received: from ${host} (2603:10a6:10:5f0::7)
 by ${word().slice(0, 14).toUpperCase()}.eurprd05.prod.outlook.com (2603:10a6:20b:3a7::16) with
 Microsoft SMTP Server (version=TLS1_2,
 cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.9298.10; Fri, 20 Nov
 2026 08:00:02 +0000
From: "Sender, Ann" <ann.sender@contoso.example>
To: Postmaster <postmaster@example.org>
Subject: ${encodedWord(subject, 'iso-8859-1', 'Q')}
Thread-Topic: ${encodedWord(subject, 'iso-8859-1', 'Q')}
Thread-Index: ${base64Word(22)}
Date: Fri, 20 Nov 2026 08:00:01 +0000
Message-ID:
 <${word().toUpperCase()}${word().toUpperCase()}@${host}>
Accept-Language: de-DE, en-US
Content-Language: de-DE
X-MS-Has-Attach: yes
X-MS-TNEF-Correlator:
x-ms-publictraffictype: Email
x-ms-office365-filtering-correlation-id: ${randomUUID()}
${content}MIME-Version: 1.0
`
  },
  boundary: () => `_000_${word().toUpperCase()}EURP_`,
  text: (paragraphs) =>
    part('text/plain; charset="iso-8859-1"', 'quoted-printable', `${paragraphs.join('\n\n')}\n`),
  html: (paragraphs) =>
    part('text/html; charset="iso-8859-1"', 'quoted-printable', wordHtml(paragraphs)),
  file: (name, size) => `Content-Type: application/gzip; name="${name}"
Content-Description: ${name}
Content-Disposition: attachment; filename="${name}"; size=${size};
	creation-date="Fri, 20 Nov 2026 07:58:12 GMT";
	modification-date="Fri, 20 Nov 2026 07:59:40 GMT"
Content-Transfer-Encoding: base64
`,
  mail: () => `Content-Type: message/rfc822
Content-Disposition: attachment;
	creation-date="Fri, 20 Nov 2026 07:58:12 GMT";
	modification-date="Fri, 20 Nov 2026 07:59:40 GMT"
`,
  hasPicture: true,
}

/** HTML as Word writes it for Outlook. */
const wordHtml = (paragraphs: readonly string[]) =>
  `<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word" xmlns="http://www.w3.org/TR/REC-html40">
<head>
<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">
<meta name="Generator" content="Microsoft Word 15 (filtered medium)">
<style><!--
/* Font Definitions */
@font-face
	{font-family:"Cambria Math";
	panose-1:2 4 5 3 5 4 6 3 2 4;}
@font-face
	{font-family:Calibri;
	panose-1:2 15 5 2 2 2 4 3 2 4;}
/* Style Definitions */
p.MsoNormal, li.MsoNormal, div.MsoNormal
	{margin:0cm;
	font-size:11.0pt;
	font-family:"Calibri",sans-serif;
	mso-fareast-language:EN-US;}
a:link, span.MsoHyperlink
	{mso-style-priority:99;
	color:#0563C1;
	text-decoration:underline;}
@page WordSection1
	{size:612.0pt 792.0pt;
	margin:70.85pt 70.85pt 2.0cm 70.85pt;}
div.WordSection1
	{page:WordSection1;}
--></style><!--[if gte mso 9]><xml>
<o:shapedefaults v:ext="edit" spidmax="1026" />
</xml><![endif]-->
</head>
<body lang="DE" link="#0563C1" vlink="#954F72" style="word-wrap:break-word">
<div class="WordSection1">
${paragraphs.map((line) => `<p class="MsoNormal">${line}<o:p></o:p></p>\n<p class="MsoNormal"><o:p>&nbsp;</o:p></p>\n`).join('')}</div>
</body>
</html>
`

const gmail: Program = {
  header: (subject, content) => {
    const signature = `X-Google-DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
        d=1e100.net; s=20251104; t=1795161603; x=1795766403;
        h=to:subject:message-id:date:from:mime-version:x-gm-message-state
         :from:to:cc:subject:date:message-id:reply-to;
        bh=${base64Word(32)};
        b=${folded(base64Word(256), 68, '         ')}
X-Gm-Message-State: ${folded(base64Word(120), 60, '\t')}
X-Received: by 2002:a05:6402:2683:b0:5c9:${word().slice(0, 4)} with SMTP id 4fb4d7f45d1cf-${word().slice(0, 12)}.3.1795161602947; Fri,
 20 Nov 2026 00:00:02 -0800 (PST)
`
    return `${received('mail.example.net', '20251104')}${signature}MIME-Version: 1.0
From: Ann Sender <sender@mail.example.net>
Date: Fri, 20 Nov 2026 09:00:01 +0100
Message-ID: <CA${base64Word(45).replace(/[+/=]/g, '_')}@mail.gmail.example>
Subject: ${encodedWord(subject, 'UTF-8', 'Q')}
To: Postmaster <postmaster@example.org>
${content}`
  },
  boundary: () => `000000000000${word().slice(0, 16)}`,
  text: (paragraphs) =>
    part('text/plain; charset="UTF-8"', 'quoted-printable', utf8(wrapped(paragraphs, ''))),
  html: (paragraphs) =>
    part('text/html; charset="UTF-8"', 'quoted-printable', utf8(gmailHtml(paragraphs))),
  file: (name) => {
    const id = `f_m${word().slice(0, 7)}0`
    return `Content-Type: application/gzip; name="${name}"
Content-Disposition: attachment; filename="${name}"
Content-Transfer-Encoding: base64
Content-ID: <${id}>
X-Attachment-Id: ${id}
`
  },
  mail: (name) => `Content-Type: message/rfc822; name="${name}"
Content-Disposition: attachment; filename="${name}"
X-Attachment-Id: f_m${word().slice(0, 7)}0
`,
  hasPicture: false,
}

const gmailHtml = (paragraphs: readonly string[]) =>
  `<div dir="ltr">${paragraphs.map((line) => `<div>${line}</div><div><br></div>`).join('')}<div class="gmail_signature" data-smartmail="gmail_signature"><div dir="ltr"><a href="https://www.example.net/?utm_source=mail&amp;id=${word()}" target="_blank">www.example.net</a></div></div></div>\n`

const newsletter: Program = {
  header: (
    subject,
    content,
  ) => `${received('news.example.com', 'k1')}Date: Fri, 20 Nov 2026 08:00:01 +0000
To: Postmaster <postmaster@example.org>
From: =?UTF-8?Q?Neues_f=C3=BCr_Sie?= <news@news.example.com>
Reply-To: service@news.example.com
Subject: ${encodedWord(subject, 'UTF-8', 'B')}
Message-ID: <${word()}${word()}@news.example.com>
X-Mailer: PHPMailer 6.9.1 (https://github.com/PHPMailer/PHPMailer)
List-ID: <${word().slice(0, 8)}.news.example.com>
List-Unsubscribe: <https://news.example.com/unsubscribe/${word()}/${word()}>,
 <mailto:unsubscribe-${word()}@news.example.com>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Feedback-ID: 1:${word().slice(0, 6)}:campaign:example
Precedence: bulk
MIME-Version: 1.0
${content}`,
  boundary: () => `b1=_${base64Word(30).replace(/[+/=]/g, '')}`,
  text: (paragraphs) =>
    part('text/plain; charset=utf-8', 'base64', utf8(`${paragraphs.join('\n\n')}\n`)),
  html: (paragraphs) => part('text/html; charset=utf-8', 'base64', utf8(newsHtml(paragraphs))),
  file: (name) => `Content-Type: application/gzip; name="${name}"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="${name}"
`,
  mail: (name) => `Content-Type: message/rfc822; name="${name}"
Content-Disposition: attachment; filename="${name}"
`,
  hasPicture: false,
}

const newsHtml = (
  paragraphs: readonly string[],
) => `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" lang="de">
<head>
  <meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
  <meta name="viewport" content="width=device-width, initial-scale=1.0" />
  <title>Neues für Sie</title>
  <style type="text/css">
    body { margin: 0; padding: 0; -webkit-text-size-adjust: 100%; }
    table, td { border-collapse: collapse; mso-table-lspace: 0pt; mso-table-rspace: 0pt; }
    @media only screen and (max-width: 600px) { .column { width: 100% !important; display: block; } }
  </style>
  <!--[if mso]><style type="text/css">td { font-family: Arial, sans-serif !important; }</style><![endif]-->
</head>
<body style="background-color:#f4f4f4;">
  <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">
${paragraphs
  .map(
    (
      line,
    ) => `  <table role="presentation" class="column" width="600" cellpadding="0" cellspacing="0" border="0" style="background-color:#ffffff;">
    <tr><td style="padding:12px 24px;font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:22px;color:#333333;">${line}</td></tr>
    <tr><td align="center" style="padding:0 24px 18px;"><a href="https://news.example.com/click/${word()}/${word()}" style="color:#0b5ed7;text-decoration:none;">Mehr&nbsp;lesen</a></td></tr>
  </table>
`,
  )
  .join('')}  </td></tr></table>
  <img src="https://news.example.com/open/${word()}${word()}.gif" width="1" height="1" alt="" />
</body>
</html>
`

const thunderbird: Program = {
  header: (
    subject,
    content,
  ) => `${received('mail.example.com', 'mail')}Message-ID: <${randomUUID()}@mail.example.com>
Date: Fri, 20 Nov 2026 09:00:01 +0100
MIME-Version: 1.0
User-Agent: Mozilla Thunderbird
Content-Language: de-DE, en-US
To: Postmaster <postmaster@example.org>
From: Ann Sender <ann@mail.example.com>
Autocrypt: addr=ann@mail.example.com; keydata=
 ${folded(base64Word(540), 72, ' ')}
Subject: ${encodedWord(subject, 'UTF-8', 'B')}
${content}`,
  boundary: () => `------------${base64Word(18).replace(/[+/=]/g, '0')}`,
  text: (paragraphs) =>
    part('text/plain; charset=UTF-8; format=flowed', '8bit', utf8(wrapped(paragraphs, ' '))),
  html: (paragraphs) => part('text/html; charset=UTF-8', '8bit', utf8(thunderbirdHtml(paragraphs))),
  file: (name) => `Content-Type: application/gzip; name="${name}"
Content-Disposition: attachment; filename="${name}"
Content-Transfer-Encoding: base64
`,
  mail: (name) => `Content-Type: message/rfc822; charset=UTF-8; name="${name}"
Content-Disposition: attachment; filename="${name}"
Content-Transfer-Encoding: 8bit
`,
  hasPicture: false,
}

const thunderbirdHtml = (paragraphs: readonly string[]) => `<!DOCTYPE html>
<html>
  <head>

    <meta http-equiv="content-type" content="text/html; charset=UTF-8">
  </head>
  <body>
${paragraphs.map((line) => `    <p>${wrapped([line], '').trimEnd().replaceAll('\n', '\n      ')}</p>\n`).join('')}  </body>
</html>
`

/** Four that are frequent, each with its own encodings, header and HTML. */
export const PROGRAMS: readonly Program[] = [outlook, gmail, newsletter, thunderbird]

type Encoding = 'quoted-printable' | 'base64' | '8bit'

/** A part of these bytes as latin1. */
function part(type: string, encoding: Encoding, bytes: string): string {
  const encoded = {
    'quoted-printable': quotedPrintable,
    base64: (text: string) => base64(Buffer.from(text, 'latin1')),
    '8bit': (text: string) => text,
  }[encoding](bytes)
  return `Content-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${encoded}`
}

const utf8 = (text: string) => Buffer.from(text).toString('latin1')

/** In lines of 76, each with its end. */
export const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/.{1,76}/g, '$&\n')

/** Paragraphs with an empty line between them, in lines of some 72; `soft` ends a line that goes on. */
function wrapped(paragraphs: readonly string[], soft: string): string {
  return paragraphs
    .map((line) => `${line.replace(/(?=.{73})(.{1,70}) /g, `$1${soft}\n`)}\n`)
    .join('\n')
}

/** Of bytes as latin1 with LF (RFC 2045 6.7). */
function quotedPrintable(text: string): string {
  const lines = text.split('\n').map((line) => {
    const escaped = line
      .replace(/[=\x80-\xff]/g, (byte) => `=${byte.charCodeAt(0).toString(16).toUpperCase()}`)
      .replace(/[ \t]$/, (blank) => `=${blank === ' ' ? '20' : '09'}`)
    if (escaped.length <= 76) return escaped
    return escaped.replace(/.{73,75}(?<!=.?)(?=.)/g, '$&=\n') // no escape is broken
  })
  return lines.join('\n')
}

/** RFC 2047; `text` is short. */
function encodedWord(text: string, charset: string, encoding: 'Q' | 'B'): string {
  const bytes = Buffer.from(text, charset === 'UTF-8' ? 'utf8' : 'latin1')
  const coded =
    encoding === 'B'
      ? bytes.toString('base64')
      : bytes
          .toString('latin1')
          .replace(/[^a-zA-Z0-9 ]/g, (byte) => `=${byte.charCodeAt(0).toString(16).toUpperCase()}`)
          .replaceAll(' ', '_')
  return `=?${charset}?${encoding}?${coded}?=`
}
