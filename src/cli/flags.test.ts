// Flags as Go reads them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flag, helpText, parseFlags } from './flags.ts'

const flags = [
  flag('interactive', 'bool', 'Keep STDIN open', 'i'),
  flag('tty', 'bool', 'Allocate a terminal', 't'),
  flag('publish', 'list', 'Publish a port', 'p'),
  flag('memory', 'size', 'Memory limit', 'm'),
  flag('name', 'text', 'Name'),
]

const parse = (...argv: string[]) => parseFlags(argv, flags, true)

test('flags end at the first operand', () => {
  const { flags: values, operands } = parse('-it', '--name', 'web', 'image', 'sh', '-p', '1')
  assert.equal(values.bool('interactive') && values.bool('tty'), true)
  assert.equal(values.text('name'), 'web')
  assert.deepEqual(operands, ['image', 'sh', '-p', '1'])
})

test('flags may follow operands where a verb allows it', () => {
  const { flags: values, operands } = parseFlags(['a', '-i', 'b', '--', '-t'], flags, false)
  assert.equal(values.bool('interactive'), true)
  assert.deepEqual(operands, ['a', 'b', '-t'])
})

test('a value may be joined, given with = or follow', () => {
  const { flags: values } = parse('-p80:80', '-p=81:81', '-p', '82:82', '--publish=83:83', '-itp', '84:84', '-m1g')
  assert.deepEqual(values.list('publish'), ['80:80', '81:81', '82:82', '83:83', '84:84'])
  assert.equal(values.number('memory'), 1024 ** 3)
})

test('a boolean takes a value only with =', () => {
  assert.equal(parse('--tty=false', 'x').flags.bool('tty'), false)
  assert.equal(parse('-t=0', 'x').flags.has('tty'), true)
  assert.deepEqual(parse('--tty', 'false').operands, ['false'])
})

test('a lone dash is an operand', () => {
  assert.deepEqual(parse('-', '-t').operands, ['-', '-t'])
})

const refused: [string[], string][] = [
  [['--nope'], 'unknown flag: --nope'],
  [['-iz'], "unknown shorthand flag: 'z' in -z"],
  [['--name'], 'flag needs an argument: --name'],
  [['-p'], "flag needs an argument: 'p' in -p"],
  [['-m', 'x'], 'invalid argument "x" for "-m, --memory" flag: invalid size: \'x\''],
  [
    ['--tty=maybe'],
    'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
]

for (const [argv, message] of refused) {
  test(`${argv.join(' ')} is refused as docker refuses it`, () => {
    assert.throws(() => parse(...argv), { message, exitCode: 125 })
  })
}

test('-h asks for help unless a verb has that letter', () => {
  assert.equal(parse('-h').help, true)
  const withHost = [flag('hostname', 'text', 'Host name', 'h')]
  assert.equal(parseFlags(['-h', 'web'], withHost, true).flags.text('hostname'), 'web')
})

test('help lists every flag', () => {
  const text = helpText('run [OPTIONS] IMAGE', 'Runs', flags)
  for (const { name } of flags) assert.match(text, new RegExp(`--${name}\\b`))
})
