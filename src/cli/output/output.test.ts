// Tables, words for sizes and ages, ports and templates.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatListing } from './listing.ts'
import { displayPorts } from './ports.ts'
import { formatTable } from './table.ts'
import { compileTemplate } from './template.ts'
import { binarySize, ellipsis, humanDuration, humanSize } from './units.ts'

test('columns are at least 10 wide and 3 apart', () => {
  assert.equal(
    formatTable([
      ['A', 'LONG NAME', 'C'],
      ['1', 'x', 'last'],
    ]),
    'A         LONG NAME   C\n1         x           last\n',
  )
})

test('sizes have significant digits only', () => {
  assert.deepEqual(
    [0, 999, 1000, 1_234_567, 999_900, 1_500_000_000].map(size => humanSize(size)),
    ['0B', '999B', '1kB', '1.23MB', '1e+03kB', '1.5GB'],
  )
  assert.equal(binarySize(25_276_084_224), '23.54GiB')
})

test('ages are in their largest unit', () => {
  const second = 1000
  const hour = 3600 * second
  const day = 24 * hour
  const spans = [
    0.4 * second,
    second,
    59 * second,
    61 * second,
    120 * second,
    hour,
    3 * hour,
    3 * day,
    15 * day,
    100 * day,
    800 * day,
  ]
  assert.deepEqual(spans.map(humanDuration), [
    'Less than a second',
    '1 second',
    '59 seconds',
    'About a minute',
    '2 minutes',
    'About an hour',
    '3 hours',
    '3 days',
    '2 weeks',
    '3 months',
    '2 years',
  ])
})

test('long texts end in an ellipsis', () => {
  assert.deepEqual([ellipsis('abcdef', 6), ellipsis('abcdefg', 6)], ['abcdef', 'abcde…'])
})

const port = (PrivatePort: number, PublicPort?: number, IP?: string) => ({ PrivatePort, PublicPort, IP, Type: 'tcp' })

test('ports with the same number on both sides join to ranges', () => {
  assert.equal(
    displayPorts([port(443), port(80, 8080, '0.0.0.0'), port(80, 8080, '::')]),
    '443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
  )
  assert.equal(displayPorts([port(91, 91, '0.0.0.0'), port(90, 90, '0.0.0.0')]), '0.0.0.0:90-91->90-91/tcp')
})

const value = {
  Name: 'web',
  Args: ['a', 'b'],
  State: { Running: true, Pid: 7 },
  Ports: { '80/tcp': [{ HostPort: '8080' }], '81/tcp': null },
  Empty: [],
  Html: '<a&b>',
}

const templates: [string, string][] = [
  ['{{.Name}} {{.State.Pid}}', 'web 7'],
  ['{{json .Args}} {{json .Html}}', '["a","b"] "<a&b>"'],
  ['{{.Args}} {{.State}}', '[a b] map[Pid:7 Running:true]'],
  ['{{range $i, $arg := .Args}}{{$i}}={{$arg}},{{end}}', '0=a,1=b,'],
  ['{{range .Empty}}x{{else}}none{{end}}', 'none'],
  ['{{if and .State.Running (gt .State.Pid 5)}}up{{else}}down{{end}}', 'up'],
  ['{{if .Empty}}a{{else if eq .Name "web"}}b{{end}}', 'b'],
  ['{{with .State}}{{.Pid}}{{end}}', '7'],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
  [
    '{{range $port, $all := .Ports}}{{$port}}{{with $all}}:{{(index . 0).HostPort}}{{end}} {{end}}',
    '80/tcp:8080 81/tcp ',
  ],
  ['{{.Name | upper | printf "%-5s|"}}', 'WEB  |'],
  ['{{join .Args ", "}} {{len .Args}}', 'a, b 2'],
  ['{{- .Name -}}  !', 'web!'],
  ['{{/* nothing */}}{{println .Name}}', 'web\n'],
  ['{{$x := .Name}}{{$x}}}}', 'web}}'],
]

for (const [source, expected] of templates) {
  test(`template ${source}`, () => {
    assert.equal(compileTemplate(source)(value), expected)
  })
}

const badTemplates: [string, RegExp][] = [
  ['{{.Nope}}', /map has no entry for key "Nope"/],
  ['{{.Name', /template parsing error: .*unclosed action/],
  ['{{nope .Name}}', /function "nope" not defined/],
  ['{{if .Name}}x', /unexpected EOF/],
  ['{{end}}', /unexpected {{end}}/],
  ['{{.constructor.name}}', /map has no entry/],
]

for (const [source, message] of badTemplates) {
  test(`template ${source} is refused`, () => {
    assert.throws(() => compileTemplate(source)(value), { kind: 'invalid', message })
  })
}

test('a list is a table, keys, JSON lines or what a template makes of it', () => {
  const listing = {
    rows: [{ ID: '1', Names: 'a' }],
    titles: { ID: 'CONTAINER ID', Names: 'NAMES' },
    columns: ['ID', 'Names'],
    key: 'ID',
  }
  assert.equal(formatListing(listing, undefined, false), 'CONTAINER ID   NAMES\n1              a\n')
  assert.equal(formatListing(listing, undefined, true), '1\n')
  assert.equal(formatListing(listing, 'json', false), '{"ID":"1","Names":"a"}\n')
  assert.equal(formatListing(listing, '{{.Names}}', false), 'a\n')
  assert.equal(formatListing(listing, 'table {{.Names}}\\t{{.ID}}', false), 'NAMES     CONTAINER ID\na         1\n')
})
