// Runs templates: Go's text/template on JSON values, with the functions that Docker adds.

import { invalid } from '../errors.ts'
import { type Node, type Operand, type Pipeline, parseTemplate } from './parse.ts'
import { callFunction, isTrue, show } from './functions.ts'

/** Compiles `source` to a function that renders one value. Both throw invalid with Docker's texts. */
export function compileTemplate(source: string): (value: unknown) => string {
  const nodes = parseTemplate(source)
  return value => new Rendering(value).render(nodes, value)
}

class Rendering {
  readonly #variables = new Map<string, unknown>()

  constructor(root: unknown) {
    this.#variables.set('$', root)
  }

  render(nodes: readonly Node[], dot: unknown): string {
    return nodes.map(node => this.#node(node, dot)).join('')
  }

  #node(node: Node, dot: unknown): string {
    if (node.kind === 'text') return node.text
    const value = this.#pipeline(node.pipeline, dot)
    if (node.kind === 'action') return node.pipeline.variables.length > 0 ? '' : show(value)
    if (node.kind === 'range') return this.#range(node, value, dot)
    if (isTrue(value)) return this.render(node.body, node.kind === 'with' ? value : dot)
    return this.render(node.otherwise, dot)
  }

  #range(node: Exclude<Node, { kind: 'text' | 'action' }>, value: unknown, dot: unknown): string {
    const entries = entriesOf(value)
    if (entries.length === 0) return this.render(node.otherwise, dot)
    const names = node.pipeline.variables
    return entries
      .map(([key, item]) => {
        if (names.length === 2) this.#variables.set(names[0] ?? '', key)
        if (names.length > 0) this.#variables.set(names.at(-1) ?? '', item)
        return this.render(node.body, item)
      })
      .join('')
  }

  #pipeline(pipeline: Pipeline, dot: unknown): unknown {
    let value: unknown
    pipeline.commands.forEach((command, index) => {
      value = this.#command(command, dot, index === 0 ? [] : [value])
    })
    for (const name of pipeline.variables) this.#variables.set(name, value)
    return value
  }

  #command(command: readonly Operand[], dot: unknown, piped: readonly unknown[]): unknown {
    const [first, ...rest] = command
    if (!first) return undefined
    const values = rest.map(operand => this.#operand(operand, dot))
    if (first.kind === 'function') return callFunction(first.name, [...values, ...piped])
    if (values.length + piped.length > 0) throw invalid("template: :1: can't give argument to non-function")
    return this.#operand(first, dot)
  }

  #operand(operand: Operand, dot: unknown): unknown {
    switch (operand.kind) {
      case 'literal':
        return operand.value
      case 'field':
        return select(dot, operand.path)
      case 'variable':
        return select(this.#variable(operand.name), operand.path)
      case 'function':
        return callFunction(operand.name, [])
      case 'pipeline':
        return select(this.#pipeline(operand.pipeline, dot), operand.path)
    }
  }

  #variable(name: string): unknown {
    if (!this.#variables.has(name)) throw invalid(`template parsing error: template: :1: undefined variable "${name}"`)
    return this.#variables.get(name)
  }
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item])
  if (value === null || typeof value !== 'object') return []
  // Go goes through a map in the order of its keys.
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function select(value: unknown, path: readonly string[]): unknown {
  let current = value
  for (const name of path) {
    if (current === null || current === undefined) {
      throw invalid(`template: :1: executing "" at <.${path.join('.')}>: nil pointer evaluating interface {}.${name}`)
    }
    if (typeof current !== 'object' || !Object.hasOwn(current, name)) {
      throw invalid(`template: :1: executing "" at <.${path.join('.')}>: map has no entry for key "${name}"`)
    }
    current = Reflect.get(current, name)
  }
  return current
}
