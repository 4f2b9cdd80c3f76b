// The shape of the source: ranks, cycles, who may import what, and what every file must have.

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A file imports only from its own folder or from one of lower rank. */
const ranks: Readonly<Record<string, number>> = {
  lib: 0,
  kernel: 1,
  oci: 1,
  state: 1,
  content: 2,
  distribution: 2,
  logging: 2,
  network: 2,
  volume: 2,
  runtime: 2,
  api: 2,
  image: 3,
  client: 3,
  container: 4,
  build: 5,
  daemon: 6,
  registry: 6,
  cli: 6,
}

/** Folders that see less than their rank lets them. */
const narrower: Readonly<Record<string, readonly string[]>> = {
  client: ['api', 'oci', 'lib'],
  cli: ['client', 'api', 'oci', 'lib'],
  registry: ['content', 'distribution', 'oci', 'state', 'kernel', 'lib'],
}

const longestFile = 450

const allFiles = globSync('src/**/*.ts', { cwd: root }).toSorted()
const sources = allFiles.filter(file => !file.endsWith('.test.ts'))
const texts = new Map(allFiles.map(file => [file, readFileSync(join(root, file), 'utf8')]))
const textOf = (file: string) => texts.get(file) ?? ''
const codeOf = (file: string) => textOf(file).replace(/^\s*(?:\/\/|\/\*|\*).*$/gm, '')

const importPattern = /\b(?:from|import)\s*\(?\s*(['"])(?<name>[^'"\n]+)\1/g

/** The files of the project that `file` imports, types included. */
function importsOf(file: string): string[] {
  return [...codeOf(file).matchAll(importPattern)]
    .map(match => match.groups?.name ?? '')
    .filter(name => name.startsWith('.'))
    .map(name => normalize(join(dirname(file), name)))
}

const folderOf = (file: string) => file.split('/')[1] ?? ''

test('every folder of src has a rank', () => {
  assert.deepEqual(
    allFiles.filter(file => !(folderOf(file) in ranks)),
    [],
  )
})

test('files import from their own folder or a lower rank', () => {
  const offending = sources.flatMap(file =>
    importsOf(file)
      .filter(target => !mayImport(file, target))
      .map(target => `${file} → ${target}`),
  )
  assert.deepEqual(offending, [])
})

function mayImport(file: string, target: string): boolean {
  const [from, to] = [folderOf(file), folderOf(target)]
  if (!target.startsWith('src/')) return false
  if (from === to) return true
  return (ranks[to] ?? Number.POSITIVE_INFINITY) < (ranks[from] ?? 0) && (narrower[from]?.includes(to) ?? true)
}

test('only the list of verbs imports commands of the CLI', () => {
  const commands = 'src/cli/commands/'
  const offending = sources.filter(
    file =>
      file !== 'src/cli/verbs.ts' &&
      !file.startsWith(commands) &&
      importsOf(file).some(target => target.startsWith(commands)),
  )
  assert.deepEqual(offending, [])
})

test('no file imports itself through others', () => {
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) for (const target of importsOf(file)) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of sources) visit(file, [])
  assert.deepEqual(cycles, [])
})

test('only src/kernel calls foreign functions', () => {
  const others = allFiles.filter(file => folderOf(file) !== 'kernel' && codeOf(file).includes('node:ffi'))
  assert.deepEqual(others, [])
})

test('every file begins with its purpose', () => {
  assert.deepEqual(
    allFiles.filter(file => !/^\/\/ \S.{4,}/.test(textOf(file))),
    [],
  )
})

test('every exported function has a docstring', () => {
  const declared = /(?<before>.*)\nexport (?:async )?function\*? ?(?<name>\w+)/g
  const without = sources.flatMap(file => {
    const functions = [...textOf(file).matchAll(declared)].map(({ groups: { before = '', name = '' } = {} }) => {
      return { name, documented: before.trimEnd().endsWith('*/') }
    })
    // Of an overloaded function the first signature carries it.
    const first = functions.filter(({ name }, index) => functions.findIndex(other => other.name === name) === index)
    return first.filter(({ documented }) => !documented).map(({ name }) => `${file}: ${name}`)
  })
  assert.deepEqual(without, [])
})

test(`no file is longer than ${longestFile} lines`, () => {
  assert.deepEqual(
    allFiles.filter(file => textOf(file).split('\n').length > longestFile + 1),
    [],
  )
})

test('nothing is left for later and nothing is silenced', () => {
  const marks =
    /\b(?:TODO|FIXME|XXX|HACK)\b|\bas any(?=[\s;,)\]}]*$)|@ts-(?:ignore|nocheck|expect-error)|\.(?:skip|only|todo)\(/
  const found = allFiles.flatMap(file =>
    textOf(file)
      .split('\n')
      .flatMap((line, index) => (marks.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  )
  assert.deepEqual(found, [])
})
