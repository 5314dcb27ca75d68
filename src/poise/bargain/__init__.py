"""Fair points between two parties: what each could have, what nobody signing costs, what is fair."""

from poise.bargain.landmarks import Bargain, Stakes, bargain, left_on_table

__all__ = ["Bargain", "Stakes", "bargain", "left_on_table"]
