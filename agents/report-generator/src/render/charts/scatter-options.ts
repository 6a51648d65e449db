/** Points of two measures. */
import type { Speech } from '../../document/cells.ts';
import type { ScatterChart, ShownFormat } from '../../report/model.ts';
import { heading } from '../../wording/humanise.ts';
import { type Drawn, legendOf } from './category-options.ts';
import type { ChartLook } from './look.ts';
import { INK, LINE, MUTED, paletteOf } from './palette.ts';

const PLAIN: ShownFormat = { style: 'number', decimals: 2 };

export function scatterOptions(chart: ScatterChart, speech: Speech, look: ChartLook): Drawn {
  const hasLegend = chart.scatter.length > 1;
  const axis = (name: string, format: ShownFormat) => ({
    type: 'value',
    scale: true,
    name: heading(name),
    nameLocation: 'middle',
    nameTextStyle: { color: INK, fontSize: 12 },
    axisLabel: { color: MUTED, fontSize: 11, formatter: (value: number) => speech.write.compact(value, format) },
    axisLine: { show: true, lineStyle: { color: LINE } },
    splitLine: { lineStyle: { color: LINE } },
  });
  return {
    height: 320,
    options: {
      color: paletteOf(look.primary, look.accent),
      grid: { left: 36, right: 36, top: hasLegend ? 44 : 16, bottom: 34, containLabel: true },
      legend: legendOf(hasLegend, look),
      xAxis: { ...axis(chart.xLabel, PLAIN), nameGap: 30, inverse: look.rightToLeft },
      yAxis: { ...axis(chart.yLabel, chart.format), nameGap: 52, ...(look.rightToLeft ? { position: 'right' } : {}) },
      series: chart.scatter.map((series) => ({
        type: 'scatter',
        name: series.label,
        symbolSize: 7,
        itemStyle: { opacity: 0.7 },
        data: series.points.map(([x, y]) => [Number(x), Number(y)]),
      })),
    },
  };
}
