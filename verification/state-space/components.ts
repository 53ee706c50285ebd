/**
 * Returns the strongly connected components of a graph (Tarjan 1972), each after all components that it can reach.
 *
 * Does not use recursion, because the graphs are too deep for the call stack.
 */
export function components(edges: readonly (readonly { to: number }[])[]): number[][] {
  const order = new Int32Array(edges.length)
  const low = new Int32Array(edges.length)
  const isOpen = new Uint8Array(edges.length)
  const cursor = new Int32Array(edges.length)
  const open: number[] = []
  const result: number[][] = []
  let count = 0

  for (let root = 0; root < edges.length; root++) {
    if (order[root] !== 0) continue
    const path = [root]
    enter(root)
    while (path.length > 0) {
      const at = path[path.length - 1] as number
      const next = cursor[at] as number
      cursor[at] = next + 1
      const edge = edges[at]?.[next]
      if (edge === undefined) {
        path.pop()
        const parent = path[path.length - 1]
        if (parent !== undefined) low[parent] = Math.min(low[parent] as number, low[at] as number)
        if (low[at] === order[at]) close(at)
      } else if (order[edge.to] === 0) {
        enter(edge.to)
        path.push(edge.to)
      } else if (isOpen[edge.to]) {
        low[at] = Math.min(low[at] as number, order[edge.to] as number)
      }
    }
  }
  return result

  function enter(node: number): void {
    order[node] = low[node] = ++count
    isOpen[node] = 1
    open.push(node)
  }

  function close(root: number): void {
    const members = open.splice(open.lastIndexOf(root))
    for (const member of members) isOpen[member] = 0
    result.push(members)
  }
}
