/** A child that does a little real work with a native or heavy library, to show that the walls leave room for it. */
import { sandboxEntry } from '../entry.ts';

interface Duck {
  readonly DuckDBInstance: {
    create(
      path: string,
    ): Promise<{ connect(): Promise<{ runAndReadAll(sql: string): Promise<{ getRowsJson(): unknown[][] }> }> }>;
  };
}
interface Typst {
  readonly NodeCompiler: { create(options: object): { pdf(source: { mainFileContent: string }): Uint8Array } };
}
interface Charts {
  init(dom: null, theme: null, options: object): { setOption(option: object): void; renderToSVGString(): string };
}

const uses: Readonly<Record<string, (library: unknown) => Promise<string>>> = {
  async '@duckdb/node-api'(library) {
    // The shape of that package's door, as far as it is used here; so below.
    const connection = await (await (library as Duck).DuckDBInstance.create(':memory:')).connect();
    await connection.runAndReadAll("copy (select range as n from range(100000)) to 'n.parquet'");
    return String((await connection.runAndReadAll("select count(*)::int from 'n.parquet'")).getRowsJson()[0]?.[0]);
  },
  async '@myriaddreamin/typst-ts-node-compiler'(library) {
    const pdf = (library as Typst).NodeCompiler.create({}).pdf({ mainFileContent: '= Hello' });
    return Buffer.from(pdf.subarray(0, 4)).toString();
  },
  async echarts(library) {
    const chart = (library as Charts).init(null, null, { renderer: 'svg', ssr: true, width: 100, height: 100 });
    chart.setOption({ xAxis: { data: ['a'] }, yAxis: {}, series: [{ type: 'bar', data: [1] }] });
    return chart.renderToSVGString().slice(0, 4);
  },
};

export default sandboxEntry(
  async (input: { module: string }) => (await uses[input.module]?.(await import(input.module))) ?? '',
);
