"""The check of a built deck: what a person in the last row could not read, what is broken, and what reaches out.

Import from the modules: findings (the kinds), inspector (the visitor), checking (a site), stranger (anyone's deck).
"""
