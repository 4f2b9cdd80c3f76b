// Parses the part of Go's text/template that Docker's templates use.

import { invalid } from '../errors.ts'

/** One value in an action: a field of the current value, a variable, a literal, a function's name, or `(a pipeline)`. */
export type Operand =
  | { readonly kind: 'field'; readonly path: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline; readonly path: readonly string[] }

export interface Pipeline {
  /** Variables the pipeline's value is assigned to: at most two, for `range $key, $value :=`. */
  readonly variables: readonly string[]
  readonly commands: readonly (readonly Operand[])[]
}

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range'
      readonly pipeline: Pipeline
      readonly body: readonly Node[]
      readonly otherwise: readonly Node[]
    }

/** The nodes of a template. Throws invalid with Docker's prefix if it can't be parsed. */
export function parseTemplate(source: string): Node[] {
  const pieces = splitActions(source)
  const { nodes, end } = parseNodes(pieces, 0)
  if (end < pieces.length) throw bad(`unexpected {{${pieces[end]?.text}}}`)
  return nodes
}

interface Piece {
  readonly action: boolean
  readonly text: string
}

function splitActions(source: string): Piece[] {
  const pieces: Piece[] = []
  let rest = source
  for (;;) {
    const start = rest.indexOf('{{')
    if (start < 0) return [...pieces, { action: false, text: rest }]
    const end = endOfAction(rest, start + 2)
    const trimLeft = /^\{\{-\s/.test(rest.slice(start))
    const trimRight = /\s-$/.test(rest.slice(start + 2, end))
    const before = rest.slice(0, start)
    pieces.push({ action: false, text: trimLeft ? before.trimEnd() : before })
    const body = rest.slice(start + (trimLeft ? 3 : 2), trimRight ? end - 1 : end).trim()
    if (!body.startsWith('/*')) pieces.push({ action: true, text: body })
    rest = rest.slice(end + 2)
    if (trimRight) rest = rest.trimStart()
  }
}

// The closing braces, looked for outside of quotes.
function endOfAction(source: string, from: number): number {
  const action = /"(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*'|\}\}/g
  action.lastIndex = from
  for (let match = action.exec(source); match; match = action.exec(source)) {
    if (match[0] === '}}') return match.index
  }
  throw bad('unclosed action')
}

function parseNodes(pieces: readonly Piece[], start: number): { nodes: Node[]; end: number } {
  const nodes: Node[] = []
  let at = start
  for (; at < pieces.length; at++) {
    const piece = pieces[at]
    if (!piece) break
    if (!piece.action) {
      if (piece.text !== '') nodes.push({ kind: 'text', text: piece.text })
      continue
    }
    const word = /^\w*/.exec(piece.text)?.[0]
    if (word === 'end' || word === 'else') break
    if (word === 'if' || word === 'with' || word === 'range') {
      const block = parseBlock(pieces, at, word, piece.text.slice(word.length))
      nodes.push(block.node)
      at = block.end
    } else nodes.push({ kind: 'action', pipeline: parsePipeline(piece.text) })
  }
  return { nodes, end: at }
}

function parseBlock(
  pieces: readonly Piece[],
  at: number,
  kind: 'if' | 'with' | 'range',
  head: string,
): { node: Node; end: number } {
  const pipeline = parsePipeline(head)
  const body = parseNodes(pieces, at + 1)
  const closing = pieces[body.end]?.text
  const chained = /^else\s+(if|with)\b(.*)$/s.exec(closing ?? '')
  if (chained) {
    const next = parseBlock(pieces, body.end, chained[1] === 'if' ? 'if' : 'with', chained[2] ?? '')
    const node: Node = { kind, pipeline, body: body.nodes, otherwise: [next.node] }
    return { node, end: next.end }
  }
  const rest = closing === 'else' ? parseNodes(pieces, body.end + 1) : { nodes: [], end: body.end }
  if (pieces[rest.end]?.text !== 'end') throw bad('unexpected EOF')
  const node: Node = { kind, pipeline, body: body.nodes, otherwise: rest.nodes }
  return { node, end: rest.end }
}

const tokenPattern =
  /\s+|(?<text>"(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*')|(?<number>-?\d+(?:\.\d+)?)|(?<field>(?:\.[\p{L}_][\p{L}\p{N}_]*)+|\.)|(?<variable>\$[\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<mark>:=|=|[()|,])/uy

interface Token {
  readonly kind: string
  readonly text: string
  /** True if white space stands before it: `(f).Field` is not `(f) .Field`. */
  readonly spaced: boolean
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let spaced = false
  let at = 0
  while (at < source.length) {
    tokenPattern.lastIndex = at
    const match = tokenPattern.exec(source)
    if (!match) throw bad(`unexpected "${source.charAt(at)}" in operand`)
    at = tokenPattern.lastIndex
    const kind = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined)?.[0]
    if (kind) tokens.push({ kind, text: match[0], spaced })
    spaced = kind === undefined
  }
  return tokens
}

function parsePipeline(source: string): Pipeline {
  const tokens = tokenize(source)
  const assigned = tokens.findIndex(token => token.text === ':=' || token.text === '=')
  const variables = tokens.slice(0, Math.max(assigned, 0)).filter(token => token.kind === 'variable')
  const reader = { tokens: tokens.slice(assigned + 1), at: 0 }
  const commands = parseCommands(reader)
  if (reader.at < reader.tokens.length) throw bad('unexpected right paren')
  return { variables: variables.map(token => token.text), commands }
}

interface Reader {
  readonly tokens: readonly Token[]
  at: number
}

function parseCommands(reader: Reader): Operand[][] {
  const commands: Operand[][] = [[]]
  for (;;) {
    const token = reader.tokens[reader.at]
    if (!token || token.text === ')') break
    reader.at++
    if (token.text === '|') commands.push([])
    else commands.at(-1)?.push(parseOperand(token, reader))
  }
  if (commands.some(command => command.length === 0)) throw bad('missing value for command')
  return commands
}

function parseOperand(token: Token, reader: Reader): Operand {
  const path = token.text.split('.').slice(1)
  if (token.kind === 'field') return { kind: 'field', path: path.filter(name => name !== '') }
  if (token.kind === 'variable') return { kind: 'variable', name: token.text.split('.')[0] ?? '$', path }
  if (token.kind === 'number') return { kind: 'literal', value: Number(token.text) }
  if (token.kind === 'text') return { kind: 'literal', value: unquote(token.text) }
  if (token.kind === 'word') return parseWord(token.text)
  if (token.text === '(') return parseParenthesis(reader)
  throw bad(`unexpected "${token.text}" in operand`)
}

const constants = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['nil', null],
])

function parseWord(name: string): Operand {
  const value = constants.get(name)
  return value === undefined ? { kind: 'function', name } : { kind: 'literal', value }
}

function parseParenthesis(reader: Reader): Operand {
  const commands = parseCommands(reader)
  if (reader.tokens[reader.at]?.text !== ')') throw bad('unclosed left paren')
  reader.at++
  const next = reader.tokens[reader.at]
  const selected = next?.kind === 'field' && !next.spaced
  if (selected) reader.at++
  return {
    kind: 'pipeline',
    pipeline: { variables: [], commands },
    path: selected ? next.text.split('.').slice(1) : [],
  }
}

function unquote(text: string): string {
  const inner = text.slice(1, -1)
  if (text.startsWith('`')) return inner
  return inner.replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gi, (_all, hex, wide, letter) =>
    hex || wide ? String.fromCodePoint(Number.parseInt(hex ?? wide, 16)) : (escapes[letter] ?? letter),
  )
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }

const bad = (why: string) => invalid(`template parsing error: template: :1: ${why}`)
