/** Lines, areas and bars. */
import type { EChartsCoreOption } from 'echarts/core';
import { categoryText, type Speech } from '../../document/cells.ts';
import type { CategoryChart } from '../../report/model.ts';
import type { ChartLook } from './look.ts';
import { INK, LINE, MUTED, paletteOf } from './palette.ts';

export interface Drawn {
  readonly options: EChartsCoreOption;
  readonly height: number;
}

/** Names longer than this are cut; the table beside the chart has them in full. */
const NAME_PX_MAX = 170;
const ROW_PX = 30;
/** Beyond the longest bar stands its value; beyond an axis half of its last label. */
const BAR_LABEL_PX = 56;
const AXIS_END_PX = 28;
const HEIGHT = 280;
const HEIGHT_MIN = 150;

export const numbersOf = (values: CategoryChart['series'][number]['values']): (number | null)[] =>
  values.map((value) => (value === null ? null : Number(value.value)));

/** Bars with names lie flat, so that the names can be read; bars over time stand. */
export function categoryOptions(chart: CategoryChart, speech: Speech, look: ChartLook): Drawn {
  const isLying =
    (chart.kind === 'bar' || chart.kind === 'stacked-bar') &&
    chart.categories.every((category) => category.kind !== 'time');
  const hasLegend = chart.series.length > 1;
  const room = isLying ? BAR_LABEL_PX : AXIS_END_PX;
  const names = chart.categories.map((category) =>
    category.kind === 'time'
      ? speech.write.bucketShort(category.start, category.bucket)
      : categoryText(category, speech),
  );
  const nameAxis = {
    type: 'category',
    data: names,
    inverse: isLying || look.rightToLeft,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: LINE } },
    axisLabel: {
      color: INK,
      fontSize: 12,
      hideOverlap: true,
      ...(isLying ? { width: NAME_PX_MAX, overflow: 'truncate' } : {}),
    },
    boundaryGap: chart.kind === 'bar' || chart.kind === 'stacked-bar',
    ...(isLying && look.rightToLeft ? { position: 'right' } : {}),
  };
  const valueAxis = {
    type: 'value',
    splitNumber: 4,
    inverse: isLying && look.rightToLeft,
    axisLabel: { color: MUTED, fontSize: 11, formatter: (value: number) => speech.write.compact(value, chart.format) },
    splitLine: { lineStyle: { color: LINE } },
    ...(!isLying && look.rightToLeft ? { position: 'right' } : {}),
  };
  return {
    height: isLying ? lyingHeight(chart, hasLegend) : HEIGHT,
    options: {
      color: paletteOf(look.primary, look.accent),
      grid: {
        left: look.rightToLeft ? room : 8,
        right: look.rightToLeft ? 8 : room,
        top: hasLegend ? 40 : 16,
        bottom: 8,
        containLabel: true,
      },
      legend: legendOf(hasLegend, look),
      xAxis: isLying ? valueAxis : nameAxis,
      yAxis: isLying ? nameAxis : valueAxis,
      series: chart.series.map((series) => ({
        name: series.label,
        data: numbersOf(series.values),
        ...markOf(chart, speech, isLying, look),
      })),
    },
  };
}

function lyingHeight(chart: CategoryChart, hasLegend: boolean): number {
  const barsPerName = chart.kind === 'bar' ? Math.max(1, chart.series.length * 0.7) : 1;
  return Math.max(HEIGHT_MIN, chart.categories.length * ROW_PX * barsPerName + (hasLegend ? 80 : 46));
}

export const legendOf = (isShown: boolean, look: ChartLook) => ({
  show: isShown,
  top: 0,
  ...(look.rightToLeft ? { right: 8, align: 'right' } : { left: 8 }),
  icon: 'roundRect',
  itemWidth: 10,
  itemHeight: 10,
  itemGap: 18,
  textStyle: { color: INK, fontSize: 12 },
});

/** More values than this beside bars would touch each other. */
const LABELLED_MAX = 30;

function markOf(chart: CategoryChart, speech: Speech, isLying: boolean, look: ChartLook): object {
  switch (chart.kind) {
    case 'line':
    case 'area':
      return {
        type: 'line',
        symbol: 'circle',
        symbolSize: chart.categories.length > 40 ? 0 : 6,
        showSymbol: chart.categories.length <= 40,
        lineStyle: { width: 2.5 },
        ...(chart.kind === 'area' ? { areaStyle: { opacity: 0.18 } } : {}),
      };
    case 'bar':
    case 'stacked-bar': {
      const isStacked = chart.kind === 'stacked-bar';
      const corner = isLying ? (look.rightToLeft ? [3, 0, 0, 3] : [0, 3, 3, 0]) : [3, 3, 0, 0];
      const isLabelled = isLying && !isStacked && chart.categories.length * chart.series.length <= LABELLED_MAX;
      return {
        type: 'bar',
        barMaxWidth: isLying ? 18 : 34,
        ...(isStacked ? { stack: 'all' } : { itemStyle: { borderRadius: corner } }),
        label: {
          show: isLabelled,
          position: look.rightToLeft ? 'left' : 'right',
          color: INK,
          fontSize: 11,
          formatter: ({ value }: { value: number }) => speech.write.compact(value, chart.format),
        },
      };
    }
    case 'pie':
      return { type: 'pie' };
    default:
      return chart.kind satisfies never;
  }
}
