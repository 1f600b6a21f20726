/** The files of page/ and uPlot, which packaging/build.mjs puts into the program. */
declare const PAGE_ASSETS: {
  readonly html: string
  readonly style: string
  readonly script: string
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M1 4h14v9H1z" fill="none" stroke="#2b7bb9" stroke-width="1.5"/><path d="m1 4 7 5 7-5" fill="none" stroke="#2b7bb9" stroke-width="1.5"/></svg>'

/** The parts of the page by their paths on the server, with media type and content. */
export const assets: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {
  '/': { type: 'text/html; charset=utf-8', text: PAGE_ASSETS.html },
  '/page.css': { type: 'text/css; charset=utf-8', text: PAGE_ASSETS.style },
  '/icon.svg': { type: 'image/svg+xml', text: icon },
  '/page.js': { type: 'text/javascript; charset=utf-8', text: PAGE_ASSETS.script },
}
